"""The actor system as the rest of VAPORA sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from actors.composition.wiring import builder
from actors.mcp_gateway.built_in import BUILT_IN
from actors.runtime.base import Address, Runtime
from actors.runtime.local import LocalRuntime
from events.ids import DEFAULT_WORKSPACE
from vapora.agents import Agent as CodeAgent
from vapora.database import Place
from vapora.ports import (
    BudgetPort,
    ChannelsPort,
    IdentityPort,
    LogWriterPort,
    ProjectorPort,
    QueuePort,
    RepositoriesPort,
    RouterStatusPort,
    Standing,
    ToolGatewayPort,
    TrackersPort,
    WebhooksPort,
    WorkflowEnginePort,
)
from vapora.settings import Settings


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

    def workflow_engine(self, workspace: str) -> WorkflowEnginePort:
        return cast(WorkflowEnginePort, self.runtime.ref(Address("workflows", workspace)))

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

    def __init__(
        self, settings: Settings, environ: Mapping[str, str] = os.environ, agents: Sequence[CodeAgent] = ()
    ) -> None:
        super().__init__(settings, LocalRuntime(builder(settings, environ, agents)))

    async def start(self) -> None:
        await self.open(DEFAULT_WORKSPACE)

    async def stop(self) -> None:
        await self.runtime.shutdown()
