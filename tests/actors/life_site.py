"""A cell in one process whose agents can be given the ways of those that are silent or stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors.agent import Agent
from actors.agent.means import StepLimits
from actors.composition import ActorSystem, Wiring, builder
from actors.messages import Assignment
from actors.runtime.base import Actor, Address, Runtime
from actors.runtime.local import LocalRuntime
from events import Recorded
from projections.board import card
from projections.engine.store import StoreReader
from projections.registry import agent_of
from tests.actors.kit import everything, seen
from vapora import views
from vapora.blobs import BlobStore
from vapora.catalog import role
from vapora.clock import new_id, now
from vapora.commands import CreateProject, RegisterAgent, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.cell import Rest
from vapora.domain.heartbeat import Pulse
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

WORKSPACE = "default"
# So short that a test takes a second, so long that a busy machine misses none by itself.
BEAT_S = 0.2
# For who is stuck: a step of a test takes a hundredth of it, on a quiet machine.
LIMITS = StepLimits(model_s=1, tool_s=1, other_s=30)

Make = Callable[["LifeSite", Address, Runtime], Actor]


class Deaf:
    """Takes work and answers nothing any more, as a process that was stopped."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def health(self) -> dict[str, Any]:
        return {}

    async def perform(self, assignments: Sequence[Assignment]) -> None:
        await asyncio.get_running_loop().create_future()

    async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]:
        future: asyncio.Future[tuple[Pulse, ...]] = asyncio.get_running_loop().create_future()
        return await future

    async def let_go(self, run_ids: Sequence[str]) -> None: ...

    async def pause(self, run_ids: Sequence[str]) -> None: ...

    async def rest(self, run_ids: Sequence[str]) -> Rest:
        return Rest("deaf")


class LifeSite:
    """`ways[agent]`: what stands behind its address at each of its next starts; then it is a real one."""

    def __init__(self, folder: Path, environ: dict[str, str], **settings: Any) -> None:
        told: dict[str, Any] = {
            "resend_s": 0.2,
            "health_interval_s": 1,
            "agent_heartbeat_s": BEAT_S,
            "agent_misses": 3,
            "agent_start_s": 0,
            "rehearsal_min_delay_s": 0,
            "rehearsal_max_delay_s": 0,
            "rehearsal_steps": 3,
        }
        self.settings = Settings(data=folder / "data", **{**told, **settings})
        self.environ = environ
        self.ways: dict[str, list[Make]] = {}
        self.limits = StepLimits()
        self.started: list[str] = []
        self.usual = builder(self.settings, environ)
        self.runtime = LocalRuntime(self._build)
        self.system = ActorSystem(self.settings, self.runtime)
        self.log = LogClient(self.system.log(WORKSPACE), WORKSPACE)
        self.people = Dispatcher(self.log, now)
        self.project = ""

    def _build(self, address: Address, runtime: Runtime) -> Actor:
        if address.kind != "agent":
            return self.usual(address, runtime)
        self.started.append(address.id)
        ways = self.ways.get(address.id, [])
        return ways.pop(0)(self, address, runtime) if ways else self.agent(address, runtime)

    def agent(self, address: Address, runtime: Runtime, **means: Any) -> Agent:
        """A real one, with limits as short as a test needs them. `means`: what of it is another's."""
        wiring = Wiring(self.settings, self.environ, runtime)
        blobs = BlobStore(self.settings.blob_folder(WORKSPACE))
        usual: dict[str, Any] = {
            "router": runtime.ref(Address("router")),
            "budget_watch": runtime.ref(Address("budget", WORKSPACE)),
            "roles": role,
            "texts": blobs,
            "clock": now,
            "workplaces": runtime.ref(Address("repositories", WORKSPACE)),
            "rehearsal_steps": self.settings.rehearsal_steps,
            "limits": self.limits,
        }
        return Agent(address.id, wiring.log(WORKSPACE), **{**usual, **means})

    def origin(self) -> Origin:
        return Origin(WORKSPACE, "user:local", new_id("cor"))

    async def second(self, role_id: str = "developer") -> str:
        """Register another agent of the role."""
        return (await self.people.dispatch(self.origin(), RegisterAgent(role=role_id))).id

    async def submit(self, title: str = "Survive", **fields: Any) -> str:
        told = {"role": "developer", "task_type": "code-generation", "review": "none", **fields}
        command = SubmitTask(project_id=self.project, title=title, **told)
        return (await self.people.dispatch(self.origin(), command)).id

    async def events(self) -> list[Recorded]:
        return await everything(self.log)

    async def of(self, kind: Any, count: int = 1) -> list[Any]:
        """The events of a kind, as soon as there are so many."""
        return [one.event for one in await seen(self.log, kind, count)]

    async def card(self, task_id: str) -> views.TaskCard:
        found: views.TaskCard | None = await self.read(lambda rows: card(rows, task_id))
        assert found is not None
        return found

    async def agent_state(self, agent_id: str) -> views.Agent:
        found: views.Agent | None = await self.read(lambda rows: agent_of(rows, agent_id))
        assert found is not None
        return found

    async def read(self, question: Callable[[Any], Any]) -> Any:
        """Of the read models, as of now."""
        await self.system.projector(WORKSPACE).wait_for(await self.log.head(), 60)
        reader = StoreReader(self.system.read_store(WORKSPACE))
        try:
            with reader.snapshot() as rows:
                return question(rows)
        finally:
            reader.close()


@asynccontextmanager
async def open_site(folder: Path, environ: dict[str, str] | None = None, **settings: Any) -> AsyncIterator[LifeSite]:
    site = LifeSite(folder, environ or {}, **settings)
    try:
        await site.system.open(WORKSPACE)
        site.project = (await site.people.dispatch(site.origin(), CreateProject(name="Life"))).id
        yield site
    finally:
        await site.runtime.shutdown()
