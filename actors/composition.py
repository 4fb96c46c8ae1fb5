"""The actor system: which plain class stands behind each address, and what it is given. All is put together here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, cast

from actors.agent import Agent
from actors.budget_manager import BudgetManager
from actors.coordinator import SwarmCoordinator
from actors.coordinator.queue_consumer import QueueConsumer
from actors.llm_router import LLMRouter
from actors.log_writer import LogWriter
from actors.log_writer.checkpoint_signer import CheckpointSigner
from actors.projector import Projector
from actors.runtime import cluster
from actors.runtime.base import Actor, Address, Builder, Kind, Runtime
from actors.runtime.local import LocalRuntime
from actors.snapshots import saved_ledger, saved_offers, saved_swarm
from actors.supervisor import CELL, Supervisor
from events.content import Content
from events.ids import DEFAULT_WORKSPACE, Provider
from projections import all_projections
from projections.engine.store import ReadStore
from vapora import journal
from vapora.blobs import Blobs, open_blobs
from vapora.catalog import role
from vapora.clock import new_id, now
from vapora.database import Place
from vapora.dispatch import Dispatcher
from vapora.domain.models import models
from vapora.domain.pricing import PriceBook
from vapora.errors import ConfigurationError
from vapora.llm.factory import clients
from vapora.log.checkpoints import CheckpointBook
from vapora.log.client import LogClient
from vapora.log.event_log import EventLog
from vapora.log.keys import SigningKey
from vapora.log.places import open_log, workspaces
from vapora.ports import BudgetPort, LogWriterPort, Origin, ProjectorPort, QueuePort, RouterStatusPort
from vapora.queue.nats.options import options_of
from vapora.settings import Settings

if TYPE_CHECKING:
    from actors.relay import Relay

BUILDER = "actors.composition:builder"


def builder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Builder:
    """What a runtime makes actors with, in whichever process. `environ` holds what the vendors' SDKs are told."""
    journal.configure(settings.log_format)
    return lambda address, runtime: _build(settings, environ, address, runtime)


def _build(settings: Settings, environ: Mapping[str, str], address: Address, runtime: Runtime) -> Actor:
    workspace = address.workspace
    match address.kind:
        case "log":
            return _log_writer(settings, workspace)
        case "projector":
            place = settings.read_place(workspace)
            return Projector(_log(runtime, workspace), workspace, lambda: ReadStore(place), all_projections())
        case "budget":
            return BudgetManager(
                _log(runtime, workspace),
                workspace,
                now,
                patience_s=settings.budget_patience_s,
                saved=saved_ledger(settings.snapshot_folder(workspace)),
            )
        case "coordinator":
            return _coordinator(settings, runtime, workspace)
        case "relay":
            return _relay(settings, runtime, workspace)
        case "agent":
            return _agent(settings, runtime, workspace, address.id)
        case "router":
            return _router(settings, environ, runtime)
        case "supervisor":
            return _supervisor(settings, runtime)
    raise ConfigurationError(f"There is no actor {address}.")


def _open_log(settings: Settings, workspace: str) -> EventLog:
    # Asked each time: Ray may have started the writer again on a node that came later.
    require_one_machine(settings, cluster.count_nodes())
    return open_log(settings.log_place(workspace), workspace, now)


def require_one_machine(settings: Settings, nodes: int) -> None:
    """`ConfigurationError` for files on several nodes: a writer started again elsewhere would open an empty one."""
    if nodes > 1 and settings.database_url is None:
        raise ConfigurationError(
            f"This Ray cluster has {nodes} nodes, and SQLite files are on one of them only.",
            remedy="Set VAPORA_DATABASE_URL to a PostgreSQL database, or run VAPORA on one node.",
        )


def _log_writer(settings: Settings, workspace: str) -> LogWriter:
    def open_book() -> CheckpointBook:
        return CheckpointBook(settings.checkpoint_file(workspace), workspace, SigningKey.open(settings.audit_key_file))

    signer = CheckpointSigner(
        open_book, now, events=settings.checkpoint_events, interval_s=settings.checkpoint_interval_s
    )
    return LogWriter(lambda: _open_log(settings, workspace), signer=signer)


def _blobs(settings: Settings, workspace: str) -> Blobs:
    return open_blobs(settings.blobs_url, settings.blob_folder(workspace), workspace)


def _log(runtime: Runtime, workspace: str) -> LogClient:
    return LogClient(runtime.ref(Address("log", workspace)), workspace)


def _coordinator(settings: Settings, runtime: Runtime, workspace: str) -> SwarmCoordinator:
    return SwarmCoordinator(
        _log(runtime, workspace),
        workspace,
        agent=lambda agent_id: runtime.ref(Address("agent", workspace, agent_id)),
        retire=lambda agent_id: runtime.stop(Address("agent", workspace, agent_id)),
        is_simulated=lambda: runtime.ref(Address("router")).is_simulated(),
        clock=now,
        idle_s=settings.agent_idle_s,
        resend_s=settings.resend_s,
        saved=saved_swarm(settings.snapshot_folder(workspace)),
        consumer=_consumer(settings, workspace),
    )


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


def _relay(settings: Settings, runtime: Runtime, workspace: str) -> Relay:
    from actors.relay import Relay
    from vapora.queue.nats.outlet import NatsOutlet

    options = options_of(settings)
    if options is None:
        raise ConfigurationError("There is no relay without NATS.", remedy="Set VAPORA_NATS_URL.")
    saved = saved_offers(settings.snapshot_folder(workspace), workspace)
    return Relay(_log(runtime, workspace), workspace, NatsOutlet(options, workspace), saved)


def _agent(settings: Settings, runtime: Runtime, workspace: str, agent_id: str) -> Agent:
    return Agent(
        agent_id,
        _log(runtime, workspace),
        router=runtime.ref(Address("router")),
        budget_watch=runtime.ref(Address("budget", workspace)),
        roles=role,
        text=_blobs(settings, workspace).text,
        clock=now,
        snapshots=settings.stream_snapshots(workspace),
    )


def _router(settings: Settings, environ: Mapping[str, str], runtime: Runtime) -> LLMRouter:
    # One store a workspace for the router's life: one to S3 keeps its connections.
    blobs = cache(partial(_blobs, settings))

    def keep(workspace: str, text: str) -> Content:
        return blobs(workspace).content(text)

    delay = (settings.rehearsal_min_delay_s, settings.rehearsal_max_delay_s)
    return LLMRouter(
        clients(environ, settings.model, delay),
        money=lambda workspace: runtime.ref(Address("budget", workspace)),
        keep=keep,
        clock=now,
        models=models(settings.ollama_model),
        prices=PriceBook({_model(name): price for name, price in settings.prices.items()}),
        timeout_s=settings.call_timeout_s,
        margin_s=settings.reservation_margin_s,
    )


def _model(name: str) -> tuple[str, str]:
    provider, slash, model = name.partition("/")
    if not slash or provider not in list(Provider):
        raise ConfigurationError(
            f"The price of '{name}' names no provider.",
            remedy=f"Write provider/model, with one of {', '.join(Provider)}.",
        )
    return provider, model


def _supervisor(settings: Settings, runtime: Runtime) -> Supervisor:
    async def prepare(workspace: str) -> None:
        origin = Origin(workspace, actor="supervisor", correlation=new_id("cor"))
        await Dispatcher(_log(runtime, workspace), now).open_workspace(origin)
        if settings.default_cap_cents is not None:
            # Before the coordinator runs, and so before the first call.
            await runtime.ref(Address("budget", workspace)).set_default_cap(origin, settings.default_cap_cents)

    parts: tuple[Kind, ...] = (*CELL, "relay") if settings.nats_url else CELL
    known = partial(workspaces, settings)
    return Supervisor(runtime, known, prepare, interval_s=settings.health_interval_s, parts=parts)


class ActorSystem:
    """`vapora.ports.ActorSystemPort` over a runtime."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self.settings = settings
        self.runtime = runtime

    async def open(self, workspace: str) -> None:
        await self.runtime.ref(Address("supervisor")).open(workspace)

    def log(self, workspace: str) -> LogWriterPort:
        return cast(LogWriterPort, self.runtime.ref(Address("log", workspace)))

    def budgets(self, workspace: str) -> BudgetPort:
        return cast(BudgetPort, self.runtime.ref(Address("budget", workspace)))

    def projector(self, workspace: str) -> ProjectorPort:
        return cast(ProjectorPort, self.runtime.ref(Address("projector", workspace)))

    def queue(self, workspace: str) -> QueuePort:
        return cast(QueuePort, self.runtime.ref(Address("coordinator", workspace)))

    def router(self) -> RouterStatusPort:
        return cast(RouterStatusPort, self.runtime.ref(Address("router")))

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
