"""The trackers of a workspace over its vault, the network and the people store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pydantic import SecretStr

from actors.reach import RefusedAddressError
from actors.secrets import SecretReader
from actors.trackers.outbox import Outbox
from actors.trackers.trackers import Trackers
from actors.webhooks import Sender
from events.tracker import TrackerSet
from vapora.backoff import Backoff
from vapora.clock import now
from vapora.dispatch import Dispatcher
from vapora.errors import BadInputError
from vapora.log.client import LogClient
from vapora.objects import Objects
from vapora.ports import Person
from vapora.settings import Network
from vapora.trackers import TrackerClient, TrackerDelayedError, client_of

_PAUSES = Backoff(1, longest_s=300)
# Whoever has no name that others would know.
SOMEBODY = "Somebody"
_ALLOW = "Or have the operator allow its network in VAPORA_TRACKER_ALLOW."


def open_trackers(
    log: LogClient,
    workspace: str,
    *,
    dispatcher: Dispatcher,
    folder: Path,
    copies: Objects | None = None,
    secrets: SecretReader,
    people: Callable[[Sequence[str]], Awaitable[list[Person]]],
    allowed: Sequence[Network],
    pauses: Backoff = _PAUSES,
) -> Trackers:
    # It looks addresses up and checks them, as for every message that goes out.
    sender = Sender(allowed, now)

    async def secret(name: str) -> SecretStr | None:
        found = await secrets.read(workspace, name, f"tracker secret {name}")
        return None if found is None else found[0]

    async def pinned(scheme: str, host: str, port: int) -> str:
        try:
            return await sender.reach.checked(scheme, host, port)
        except RefusedAddressError as error:
            raise TrackerDelayedError(f"Nobody may go there from here: {error}.", remedy=_ALLOW) from None

    async def check(url: str) -> None:
        try:
            await sender.check(url)
        except BadInputError as error:
            raise BadInputError(
                error.message.replace("A webhook cannot go there", "No tracker can be reached there"),
                remedy=f"Name a public https address. {_ALLOW}",
                field="url",
            ) from None

    async def name_of(actor: str) -> str:
        kind, _, id_ = actor.partition(":")
        if kind != "user" or id_ == "local":
            return SOMEBODY
        return next((one.name for one in await people([id_]) if one.name), SOMEBODY)

    def opened(tracker: TrackerSet, token: SecretStr) -> TrackerClient:
        return client_of(tracker, token, pinned, now)

    return Trackers(
        log,
        workspace,
        now,
        dispatcher=dispatcher,
        open_outbox=lambda: Outbox(folder / "outbox.db", copies),
        secret=secret,
        client_of=opened,
        check=check,
        name_of=name_of,
        pauses=pauses,
    )
