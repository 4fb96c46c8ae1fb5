"""What an agent works with, whichever run it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from actors.agent.permission import Permission
from actors.messages import Call, CallOutcome
from actors.work_messages import WorkplacesPort
from events.content import Content
from vapora.agents.installed import Crew
from vapora.catalog import RoleManifest
from vapora.clock import Clock, Sleep
from vapora.dispatch.folds import PROJECT, TOOL_SERVERS_FOLD
from vapora.domain import run as rules
from vapora.domain.model_quality import Evidence
from vapora.domain.project import Project
from vapora.domain.run import Run
from vapora.domain.task import Task
from vapora.domain.tool_server import ToolServers
from vapora.log.client import LogClient
from vapora.log.folds import Fold, StreamFolds
from vapora.objects import Where
from vapora.ports import Origin, ToolGatewayPort

if TYPE_CHECKING:
    from vapora.knowledge import Telling

# A run that waits for a provider over a weekend tries, and tells of it, many thousand times.
RUN_FOLD = Fold("run", rules.FOLD_VERSION, Run, lambda run, event: rules.evolve(run or rules.initial(), event))


def folds_of(
    log: LogClient, snapshots: Where | None
) -> tuple[StreamFolds[Run], StreamFolds[Project], StreamFolds[ToolServers]]:
    return (
        StreamFolds(log, RUN_FOLD, snapshots),
        StreamFolds(log, PROJECT, snapshots),
        StreamFolds(log, TOOL_SERVERS_FOLD, snapshots),
    )


class Router(Protocol):
    """What an agent asks of the router."""

    async def complete(self, call: Call) -> CallOutcome: ...
    async def attach(self, call_id: str) -> CallOutcome | bool: ...
    async def drop(self, origin: Origin, call_id: str) -> bool: ...
    async def withdraw(self, call_id: str) -> bool: ...
    async def abandon(self, call_id: str) -> None: ...
    async def is_simulated(self, workspace: str) -> bool: ...


class BudgetWatch(Protocol):
    """What an agent asks of the budget manager: to book the call whose answer a crash took."""

    async def book_unknown(self, origin: Origin, call_id: str, attempt: int, reason: str, along: Any = ()) -> int: ...


class PastWorkPort(Protocol):
    """What an agent is told of past executions when a run begins."""

    def telling(self, run_id: str, task: Task, simulated: bool) -> Telling | None:
        """None: nothing. Blocks; raises a `VaporaError` where nobody can be asked."""
        ...

    def close(self) -> None:
        """Give back what it has open."""


class Texts(Protocol):
    """Texts of events: `content` stores one, `text` reads one. Both block."""

    def content(self, text: str) -> Content: ...
    def text(self, content: Content) -> str: ...


@dataclass(frozen=True, slots=True)
class StepLimits:
    """How long, in seconds, a run may be at one thing: between two events of one call of a model, at a tool of which
    nothing else is known, and at what is neither."""

    model_s: float = 180.0
    tool_s: float = 900.0
    other_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Means:
    """`workplaces` None: there are no repositories here. `rehearsal_steps`: so many steps are taken in a run without a
    repository where the rehearsal model answers; None: those of the role. `permission`: what the policies say of
    tools. `past_work` None: nobody is told of past executions. `gateway`: to the servers of tools; None: there are
    none here. `crew`: agents written in Python whose code is here. `evidence`: what runs say of models at a type of
    task, rehearsed ones or real ones; None: qualities of models are not learned."""

    log: LogClient
    folds: StreamFolds[Run]
    projects: StreamFolds[Project]
    tool_servers: StreamFolds[ToolServers]
    router: Router
    budget_watch: BudgetWatch
    roles: Callable[[str], RoleManifest]
    texts: Texts
    clock: Clock
    sleep: Sleep
    workplaces: WorkplacesPort | None = None
    rehearsal_steps: int | None = None
    permission: Permission = field(default_factory=Permission)
    past_work: PastWorkPort | None = None
    limits: StepLimits = field(default_factory=StepLimits)
    gateway: ToolGatewayPort | None = None
    crew: Crew = field(default_factory=Crew)
    evidence: Callable[[str, bool], tuple[Evidence, ...]] | None = None
