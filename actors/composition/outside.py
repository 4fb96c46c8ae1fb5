"""Who speaks with others outside: servers of tools, webhooks, trackers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from actors.composition.wiring import Wiring
from actors.mcp_gateway.built_in import BUILT_IN, make
from actors.reach import Reach
from actors.runtime.base import Address
from actors.secrets import SecretReader
from actors.trackers import Trackers
from actors.trackers.opening import open_trackers
from actors.webhooks import Mailer, Outbox, Sender, Teller, VaultSecrets, Webhooks
from vapora.clock import now
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretStore
from vapora.vault import open_vault

if TYPE_CHECKING:
    from actors.mcp_gateway.gateway import McpGateway


def build_mcp_gateway(wiring: Wiring, _: Address) -> McpGateway:
    # What the protocol's SDK costs to import is paid where it is used.
    from actors.mcp_gateway.gateway import McpGateway
    from actors.mcp_gateway.sessions import Sessions
    from actors.mcp_gateway.spending import Spending

    settings = wiring.settings
    sessions = Sessions(
        wiring.secrets("mcp-gateway"),
        settings.tool_server_folder,
        settings.sandbox,
        hidden=(settings.data.absolute(),),
        reach=Reach(settings.tool_server_allow),
    )
    spending = Spending(lambda workspace: wiring.runtime.ref(Address("budget", workspace)), now)
    return McpGateway(wiring.log, sessions, {one: partial(make, one, wiring) for one in BUILT_IN}, spending)


def build_webhooks(wiring: Wiring, address: Address) -> Webhooks:
    settings, workspace = wiring.settings, address.workspace
    folder = settings.webhooks_folder(workspace)
    log, sender = wiring.log(workspace), Sender(settings.webhook_allow, now)
    return Webhooks(
        log,
        workspace,
        now,
        open_outbox=lambda: Outbox(folder / "outbox.db", settings.outboxes(workspace, "webhooks")),
        secrets=_webhook_secrets(wiring, workspace),
        sender=sender,
        teller=Teller(
            log,
            workspace,
            now,
            sender=sender,
            mailer=Mailer(sender.reach, now),
            secrets=wiring.secrets("notifications"),
            public_url=settings.public_url,
        ),
    )


def _webhook_secrets(wiring: Wiring, workspace: str) -> VaultSecrets:
    vault, events = open_vault(wiring.settings), wiring.secret_events(workspace)
    reader, store = SecretReader(vault, lambda _: events, "webhooks", now), SecretStore(workspace, vault, events)
    return VaultSecrets(workspace, reader, store, wiring.settings.webhook_secrets(workspace))


def build_trackers(wiring: Wiring, address: Address) -> Trackers:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    return open_trackers(
        log,
        workspace,
        dispatcher=Dispatcher(log, now, settings.stream_snapshots(workspace)),
        folder=settings.trackers_folder(workspace),
        copies=settings.outboxes(workspace, "trackers"),
        secrets=wiring.secrets("trackers"),
        people=wiring.runtime.ref(Address("identity")).people,
        allowed=settings.tracker_allow,
    )
