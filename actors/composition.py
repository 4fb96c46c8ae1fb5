"""The actor system: which plain class stands behind each address, and what it is given. All is put together here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from actors import kinds
from actors.agent import Agent
from actors.agent.means import StepLimits
from actors.agent.permission import Permission
from actors.budget_manager import BudgetManager
from actors.coordinator import SwarmCoordinator
from actors.coordinator.queue_consumer import QueueConsumer
from actors.identity import Identity
from actors.identity.accounts import Accounts
from actors.identity.session_tokens import SessionTimes
from actors.indexer import Indexer
from actors.llm_router import LLMRouter, OwnKeys
from actors.log_writer import LogWriter
from actors.log_writer.checkpoint_signer import CheckpointSigner
from actors.mcp_gateway.built_in import BUILT_IN, make
from actors.projector import Projector
from actors.repositories import Repositories
from actors.repositories.logins import SecretLogins
from actors.repositories.open import OpenRepositories
from actors.runtime import cluster
from actors.runtime.base import Actor, Address, Builder, Runtime
from actors.runtime.local import LocalRuntime
from actors.secrets import SecretReader
from actors.snapshots import (
    saved_documentation,
    saved_landings,
    saved_ledger,
    saved_offers,
    saved_spans,
    saved_swarm,
    saved_workflow_runs,
)
from actors.span_follower import SpanFollower
from actors.supervisor import Supervisor
from actors.supervisor.store import SettingsCellStore
from actors.trackers import Trackers
from actors.trackers.opening import open_trackers
from actors.webhooks import Mailer, Outbox, Sender, Teller, VaultSecrets, Webhooks
from actors.workflow_engine import Documenting, Scheduler, SharedBudget, Together, WorkflowEngine, WorkflowFiles
from events.content import Content
from events.ids import DEFAULT_WORKSPACE, PEOPLE, is_workspace
from projections import all_projections, people_projections
from projections.engine.store import ReadStore
from vapora import __version__, journal
from vapora.blobs import Blobs, open_blobs
from vapora.catalog import role, role_defaults, roles
from vapora.clock import new_id, now
from vapora.database import Place
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretEvents, SecretStore
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain.heartbeat import Heartbeat
from vapora.domain.pricing import PriceBook
from vapora.errors import ConfigurationError, NotFoundError, UnavailableError, VaporaError, VaultError, is_archived
from vapora.identity import named_owner
from vapora.identity.openid import Provider, client_of
from vapora.identity.store import open_store
from vapora.knowledge import PastWork, likeness
from vapora.llm.catalogue import Catalogue, installed, own_prices
from vapora.llm.factory import client_with, clients, switched_on_by_key
from vapora.log.cell_records import open_cell_records
from vapora.log.client import LogClient
from vapora.log.event_log import EventLog
from vapora.log.places import open_log
from vapora.log.proof import CheckpointBook, SigningKey
from vapora.observability import live
from vapora.ports import (
    BudgetPort,
    ChannelsPort,
    IdentityPort,
    LogWriterPort,
    Origin,
    ProjectorPort,
    QueuePort,
    RepositoriesPort,
    RouterStatusPort,
    Standing,
    ToolGatewayPort,
    TrackersPort,
    WebhooksPort,
)
from vapora.queue.nats.options import options_of
from vapora.repo.bare import person
from vapora.search import IndexWriter
from vapora.settings import Settings
from vapora.vault import open_vault

if TYPE_CHECKING:
    from actors.mcp_gateway.gateway import McpGateway
    from actors.relay import Relay

# Stores of texts that the router keeps.
_STORES = 64

BUILDER = "actors.composition:builder"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What actors are built from, in whichever process. `environ` holds what the vendors' SDKs are told."""

    settings: Settings
    environ: Mapping[str, str]
    runtime: Runtime

    def log(self, workspace: str) -> LogClient:
        return LogClient(self.runtime.ref(Address("log", workspace)), workspace)

    def secrets(self, actor: str) -> SecretReader:
        """For one part of the system, as the log names it."""

        return SecretReader(open_vault(self.settings), cache(self._secret_events), actor, now)

    def webhook_secrets(self, workspace: str) -> VaultSecrets:
        vault, events = open_vault(self.settings), self._secret_events(workspace)
        reader, store = SecretReader(vault, lambda _: events, "webhooks", now), SecretStore(workspace, vault, events)
        return VaultSecrets(workspace, reader, store, self.settings.webhook_secrets(workspace))

    def _secret_events(self, workspace: str) -> SecretEvents:
        return SecretEvents(self.log(workspace), now, self.settings.stream_snapshots(workspace))

    def blobs(self, workspace: str) -> Blobs:
        return open_blobs(self.settings.blobs_url, self.settings.blob_folder(workspace), workspace)


def builder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Builder:
    """What a runtime makes actors with: the function that the table of kinds names, given its `Wiring`."""
    journal.configure(settings.log_format)
    live.configure(settings.otlp_endpoint, settings.otlp_header_map, settings.trace_ratio, __version__)

    def build(address: Address, runtime: Runtime) -> Actor:
        actor: Actor = kinds.load(kinds.kind_of(address.kind).builder)(Wiring(settings, environ, runtime), address)
        return actor

    return build


def _open_log(settings: Settings, workspace: str) -> EventLog:
    require_not_deleted(settings, workspace)
    # Asked each time: Ray may have started the writer again on a node that came later.
    require_one_machine(settings, cluster.count_nodes())
    return open_log(settings.log_place(workspace), workspace, now)


def require_not_deleted(settings: Settings, workspace: str) -> None:
    """`NotFoundError` for one that is being deleted, or was: nothing of it is to be made again by a late call."""
    record = open_cell_records(settings).get(workspace) if is_workspace(workspace) else None
    if record is not None and record.is_gone:
        raise NotFoundError(f"The workspace '{workspace}' was deleted.")


def _seal(settings: Settings, workspace: str) -> VaporaError | None:
    record = open_cell_records(settings).get(workspace) if is_workspace(workspace) else None
    if record is None or record.state != "archived":
        return None
    return is_archived(workspace)


def require_one_machine(settings: Settings, nodes: int) -> None:
    """`ConfigurationError` for files on several nodes: a writer started again elsewhere would open an empty one."""
    if nodes > 1 and settings.database_url is None:
        raise ConfigurationError(
            f"This Ray cluster has {nodes} nodes, and SQLite files are on one of them only.",
            remedy="Set VAPORA_DATABASE_URL to a PostgreSQL database, or run VAPORA on one node.",
        )


def build_log_writer(wiring: Wiring, address: Address) -> LogWriter:
    settings, workspace = wiring.settings, address.workspace

    def open_book() -> CheckpointBook:
        return CheckpointBook(settings.checkpoint_file(workspace), workspace, SigningKey.open(settings.audit_key_file))

    signer = CheckpointSigner(
        open_book, now, events=settings.checkpoint_events, interval_s=settings.checkpoint_interval_s
    )

    async def started() -> None:
        await wiring.runtime.ref(Address("supervisor")).woken(workspace)

    return LogWriter(
        lambda: _open_log(settings, workspace),
        signer=signer,
        sealed=lambda: _seal(settings, workspace),
        # What is no workspace has no cell around its log.
        started=started if is_workspace(workspace) else None,
    )


def build_projector(wiring: Wiring, address: Address) -> Projector:
    settings, workspace = wiring.settings, address.workspace

    def open_reads() -> ReadStore:
        require_not_deleted(settings, workspace)
        return ReadStore(settings.read_place(workspace))

    def open_index() -> IndexWriter:
        require_not_deleted(settings, workspace)
        return IndexWriter(settings.search_place(workspace))

    log = wiring.log(workspace)
    if workspace == PEOPLE:
        return Projector(log, workspace, open_reads, people_projections())
    indexer = Indexer(
        log,
        workspace,
        open_index,
        wiring.blobs(workspace).text,
        repositories=wiring.runtime.ref(Address("repositories", workspace)),
        learns=settings.search_vectors != "none",
    )
    spans = _span_follower(settings, log, workspace)
    return Projector(log, workspace, open_reads, all_projections(), indexer=indexer, spans=spans)


def _span_follower(settings: Settings, log: LogClient, workspace: str) -> SpanFollower | None:
    if not settings.otlp_endpoint:
        return None
    # Who has no collector needs not spend the time to import it.
    from vapora.observability.otlp import SpanSender

    sender = SpanSender(settings.otlp_endpoint, settings.otlp_header_map, __version__)
    saved = saved_spans(settings.snapshot_folder(workspace), settings.trace_ratio)
    return SpanFollower(log, workspace, sender, saved, settings.trace_ratio)


def build_identity(wiring: Wiring, _: Address) -> Identity:
    settings = wiring.settings
    log = wiring.log(PEOPLE)
    return Identity(
        log,
        settings.people_folder,
        Accounts(lambda: open_store(settings), log),
        cells=wiring.runtime.ref(Address("supervisor")),
        clock=now,
        times=SessionTimes(settings.access_token_s, timedelta(days=settings.refresh_token_days)),
        owner=named_owner(settings),
        provider=_provider(settings),
    )


def _provider(settings: Settings) -> Provider | None:
    return Provider(client_of(settings), now) if settings.openid_issuer else None


def build_budget(wiring: Wiring, address: Address) -> BudgetManager:
    settings, workspace = wiring.settings, address.workspace
    return BudgetManager(
        wiring.log(workspace),
        workspace,
        now,
        patience_s=settings.budget_patience_s,
        saved=saved_ledger(settings.snapshot_folder(workspace)),
    )


def build_coordinator(wiring: Wiring, address: Address) -> SwarmCoordinator:
    settings, runtime, workspace = wiring.settings, wiring.runtime, address.workspace
    return SwarmCoordinator(
        wiring.log(workspace),
        workspace,
        agent=lambda agent_id: runtime.ref(Address("agent", workspace, agent_id)),
        retire=lambda agent_id: runtime.stop(Address("agent", workspace, agent_id)),
        is_simulated=lambda: _is_simulated(runtime, workspace),
        clock=now,
        idle_s=settings.agent_idle_s,
        resend_s=settings.resend_s,
        saved=saved_swarm(settings.snapshot_folder(workspace)),
        consumer=_consumer(settings, workspace),
        kill=lambda agent_id: runtime.discard(Address("agent", workspace, agent_id)),
        beat=lambda role_id: beat_of(settings, role_id),
        heartbeat_s=min(beat_of(settings, role_id).interval_s for role_id in roles()),
        most_runs_of={one.id: one.most_runs for one in roles().values() if one.most_runs is not None},
        role_defaults=lambda role_id: role_defaults(role_id) if role_id in roles() else None,
    )


def beat_of(settings: Settings, role_id: str) -> Heartbeat:
    """What the role's manifest leaves out is as the settings say."""
    own = role(role_id).heartbeat if role_id in roles() else None
    return Heartbeat(
        interval_s=own.interval_s if own and own.interval_s else settings.agent_heartbeat_s,
        misses=own.misses if own and own.misses else settings.agent_misses,
        start_s=settings.agent_start_s,
    )


async def _is_simulated(runtime: Runtime, workspace: str) -> bool:
    """Where a vault that does not answer may hold a key, real money is expected."""
    try:
        return bool(await runtime.ref(Address("router")).is_simulated(workspace))
    except (UnavailableError, VaultError):
        return False


def _consumer(settings: Settings, workspace: str) -> QueueConsumer | None:
    """Where work is delivered by NATS; None: the log itself is the queue."""
    options = options_of(settings)
    if options is None:
        return None
    # Who needs no NATS needs not spend the time to import it.
    from vapora.queue.nats.queue import NatsQueue

    queue = NatsQueue(options, workspace, ack_wait_s=settings.nats_ack_wait_s, max_deliver=settings.nats_max_deliver)
    return QueueConsumer(
        queue,
        workspace,
        patience_s=settings.nats_patience_s,
        heartbeat_s=settings.nats_ack_wait_s / 3,
        first_delay_s=settings.nats_ack_wait_s / 6,
        saved=saved_offers(settings.snapshot_folder(workspace), workspace),
    )


def build_relay(wiring: Wiring, address: Address) -> Relay:
    from actors.relay import Relay
    from vapora.queue.nats.outlet import NatsOutlet

    settings, workspace = wiring.settings, address.workspace
    options = options_of(settings)
    if options is None:
        raise ConfigurationError("There is no relay without NATS.", remedy="Set VAPORA_NATS_URL.")
    saved = saved_offers(settings.snapshot_folder(workspace), workspace)
    return Relay(wiring.log(workspace), workspace, NatsOutlet(options, workspace), saved)


def build_agent(wiring: Wiring, address: Address) -> Agent:
    runtime, workspace = wiring.runtime, address.workspace
    return Agent(
        address.id,
        wiring.log(workspace),
        router=runtime.ref(Address("router")),
        budget_watch=runtime.ref(Address("budget", workspace)),
        roles=role,
        texts=wiring.blobs(workspace),
        clock=now,
        snapshots=wiring.settings.stream_snapshots(workspace),
        workplaces=runtime.ref(Address("repositories", workspace)),
        rehearsal_steps=wiring.settings.rehearsal_steps,
        gateway=cast(ToolGatewayPort, runtime.ref(Address("mcp_gateway"))),
        permission=Permission(partial(runtime.ref(Address("identity")).policies, workspace)),
        limits=StepLimits(
            # The router's own limit for one attempt, and what it takes to choose, to pay and to record.
            model_s=wiring.settings.call_timeout_s + wiring.settings.agent_step_limit_s,
            tool_s=wiring.settings.agent_tool_limit_s,
            other_s=wiring.settings.agent_step_limit_s,
        ),
        past_work=PastWork(wiring.settings.read_place(workspace), likeness(wiring.settings, workspace)),
    )


def build_repositories(wiring: Wiring, address: Address) -> Repositories:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    opened = OpenRepositories(
        log,
        settings.repositories_folder(workspace),
        # The demo makes its repository in the data folder; whoever starts VAPORA on that folder means it.
        roots=(*settings.repo_roots, settings.data.absolute()),
        environ=wiring.environ,
        committer=person(settings.committer),
        sandbox=settings.sandbox,
        text=wiring.blobs(workspace).text,
        snapshots=settings.stream_snapshots(workspace),
        logins=SecretLogins(wiring.secrets("repositories"), workspace),
    )
    return Repositories(
        log,
        workspace,
        opened,
        wiring.blobs(workspace),
        now,
        saved=saved_landings(settings.snapshot_folder(workspace)),
        keep=timedelta(days=settings.worktree_days),
    )


def build_mcp_gateway(wiring: Wiring, _: Address) -> McpGateway:
    # What the protocol's SDK costs to import is paid where it is used.
    from actors.mcp_gateway.gateway import McpGateway
    from actors.mcp_gateway.sessions import Sessions

    settings = wiring.settings
    sessions = Sessions(
        wiring.secrets("mcp-gateway"),
        settings.tool_server_folder,
        settings.sandbox,
        hidden=(settings.data.absolute(),),
    )
    return McpGateway(wiring.log, sessions, {one: partial(make, one, wiring) for one in BUILT_IN})


def build_webhooks(wiring: Wiring, address: Address) -> Webhooks:
    settings, workspace = wiring.settings, address.workspace
    folder = settings.webhooks_folder(workspace)
    log, sender = wiring.log(workspace), Sender(settings.webhook_allow, now)
    return Webhooks(
        log,
        workspace,
        now,
        open_outbox=lambda: Outbox(folder / "outbox.db"),
        secrets=wiring.webhook_secrets(workspace),
        sender=sender,
        teller=Teller(
            log,
            workspace,
            now,
            sender=sender,
            mailer=Mailer(sender, now),
            secrets=wiring.secrets("notifications"),
            public_url=settings.public_url,
        ),
    )


def build_trackers(wiring: Wiring, address: Address) -> Trackers:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    return open_trackers(
        log,
        workspace,
        dispatcher=Dispatcher(log, now, settings.stream_snapshots(workspace)),
        folder=settings.trackers_folder(workspace),
        secrets=wiring.secrets("trackers"),
        people=wiring.runtime.ref(Address("identity")).people,
        allowed=settings.tracker_allow,
    )


def build_workflows(wiring: Wiring, address: Address) -> WorkflowEngine:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    dispatcher = Dispatcher(log, now, settings.stream_snapshots(workspace))
    documenting = Documenting(
        dispatcher,
        log,
        workspace,
        wiring.runtime.ref(Address("repositories", workspace)),
        wiring.blobs(workspace),
        saved_documentation(settings.snapshot_folder(workspace)),
    )
    return WorkflowEngine(
        log,
        workspace,
        now,
        dispatcher=dispatcher,
        scheduler=Together(Scheduler(dispatcher, workspace), documenting),
        limits=SharedBudget(wiring.runtime.ref(Address("budget", workspace))),
        saved=saved_workflow_runs(settings.snapshot_folder(workspace)),
        files=WorkflowFiles(settings.workflow_folder(workspace), log, WorkflowCommands(log, now), workspace),
    )


def build_router(wiring: Wiring, _: Address) -> LLMRouter:
    settings, runtime = wiring.settings, wiring.runtime
    # Kept for those that are at work: a store in S3 keeps its connections.
    blobs = lru_cache(_STORES)(wiring.blobs)

    def keep(workspace: str, text: str) -> Content:
        return blobs(workspace).content(text)

    def read(workspace: str, digest: str) -> bytes:
        return blobs(workspace).get(digest)

    known = installed(settings)
    delay = (settings.rehearsal_min_delay_s, settings.rehearsal_max_delay_s)
    return LLMRouter(
        clients(wiring.environ, settings.model, delay, known),
        money=lambda workspace: runtime.ref(Address("budget", workspace)),
        keep=keep,
        clock=now,
        catalogue=known,
        prices=PriceBook(own_prices(settings, known), known.prices),
        timeout_s=settings.call_timeout_s,
        margin_s=settings.reservation_margin_s,
        keys=_own_keys(wiring, known),
        read=read,
    )


def _own_keys(wiring: Wiring, known: Catalogue) -> OwnKeys | None:
    """Keys that workspaces brought; none are looked for where nothing but rehearsal is wanted."""
    if wiring.settings.model == "rehearsal":
        return None
    environ = wiring.environ
    return OwnKeys(
        wiring.secrets("llm-router"),
        switched_on_by_key(environ, known),
        lambda provider, key: client_with(environ, provider, key, known),
    )


def build_supervisor(wiring: Wiring, _: Address) -> Supervisor:
    settings, runtime = wiring.settings, wiring.runtime

    async def prepare(workspace: str) -> None:
        origin = Origin(workspace, actor="supervisor", correlation=new_id("cor"))
        await Dispatcher(wiring.log(workspace), now).open_workspace(origin)
        if settings.default_cap_cents is not None:
            # Before the coordinator runs, and so before the first call.
            await runtime.ref(Address("budget", workspace)).set_default_cap(origin, settings.default_cap_cents)

    return Supervisor(
        runtime,
        SettingsCellStore(settings),
        prepare,
        now,
        interval_s=settings.health_interval_s,
        idle_s=settings.cell_idle_s,
        parts=kinds.residents(settings),
    )


class ActorSystem:
    """`vapora.ports.ActorSystemPort` over a runtime."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self.settings = settings
        self.runtime = runtime

    async def open(self, workspace: str) -> None:
        await self._supervisor.open(workspace)

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        known: tuple[str, Standing] = await self._supervisor.standing(workspace)
        return known

    async def create(self, workspace: str) -> None:
        await self._supervisor.create(workspace)

    async def archive(self, workspace: str) -> None:
        await self._supervisor.archive(workspace)

    async def restore(self, workspace: str) -> None:
        await self._supervisor.restore(workspace)

    async def delete(self, workspace: str) -> str:
        export: str = await self._supervisor.delete(workspace)
        return export

    @property
    def _supervisor(self) -> Any:
        return self.runtime.ref(Address("supervisor"))

    def log(self, workspace: str) -> LogWriterPort:
        return cast(LogWriterPort, self.runtime.ref(Address("log", workspace)))

    def budgets(self, workspace: str) -> BudgetPort:
        return cast(BudgetPort, self.runtime.ref(Address("budget", workspace)))

    def projector(self, workspace: str) -> ProjectorPort:
        return cast(ProjectorPort, self.runtime.ref(Address("projector", workspace)))

    def queue(self, workspace: str) -> QueuePort:
        return cast(QueuePort, self.runtime.ref(Address("coordinator", workspace)))

    def repositories(self, workspace: str) -> RepositoriesPort:
        return cast(RepositoriesPort, self.runtime.ref(Address("repositories", workspace)))

    def webhooks(self, workspace: str) -> WebhooksPort:
        return cast(WebhooksPort, self.runtime.ref(Address("webhooks", workspace)))

    def channels(self, workspace: str) -> ChannelsPort:
        return cast(ChannelsPort, self.runtime.ref(Address("webhooks", workspace)))

    def tools(self) -> ToolGatewayPort:
        return cast(ToolGatewayPort, self.runtime.ref(Address("mcp_gateway")))

    def built_in_tool_servers(self) -> tuple[str, ...]:
        return tuple(BUILT_IN)

    def trackers(self, workspace: str) -> TrackersPort:
        return cast(TrackersPort, self.runtime.ref(Address("trackers", workspace)))

    def router(self) -> RouterStatusPort:
        return cast(RouterStatusPort, self.runtime.ref(Address("router")))

    def identity(self) -> IdentityPort:
        return cast(IdentityPort, self.runtime.ref(Address("identity")))

    def search_index(self, workspace: str) -> Place:
        return self.settings.search_place(workspace)

    def read_store(self, workspace: str) -> Place:
        return self.settings.read_place(workspace)


class LocalActorSystem(ActorSystem):
    """The whole actor system in this process."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        super().__init__(settings, LocalRuntime(builder(settings, environ)))

    async def start(self) -> None:
        await self.open(DEFAULT_WORKSPACE)

    async def stop(self) -> None:
        await self.runtime.shutdown()
