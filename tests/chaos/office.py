"""One installation over the runtime that can kill, its vendors, and the plan of who dies when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from actors.budget_manager import BudgetManager
from actors.cast import RuntimeCast, builder
from actors.coordinator import SwarmCoordinator
from actors.runtime.base import Address, Kind
from events import Recorded
from events.content import Content
from events.ids import Provider
from events.task import TaskCompleted, TaskFailed
from projections.base import Row
from projections.board import board
from projections.store import ReadStore
from tests.actors.kit import everything
from vapora.blobs import BlobStore
from vapora.catalog import task_types
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.budget import Ledger
from vapora.domain.swarm_state import Swarm
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Appended
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.agreement import cards, ledger, queue, read_models, rows_of
from vapora.testing.crash import CrashableRuntime, Moment
from vapora.testing.soundness import Finding, billed, contents, kept, soundness
from vapora.views import TaskCard

TASKS = 6
WORKSPACE = "default"
KINDS: tuple[Kind, ...] = ("log", "projector", "budget", "coordinator", "router", "agent", "supervisor")
# Reading is no moment worth dying at: nothing changes by it.
_IDLE = frozenset({"poll", "health", "head", "read", "wait_for", "is_simulated", "frames"})
# About how many moments the work of one round has; a kill planned beyond is carried out in the next one.
_MOMENTS = 500
_SETTLED_WITHIN_S = 10
_RESTS = 0.3


@dataclass(slots=True)
class Kill:
    """`after`: how many moments of the work from now on."""

    kind: Kind
    after: int


@dataclass(frozen=True, slots=True)
class Records:
    """All that is left of the work: the log, and what everybody else holds."""

    log: list[Recorded]
    rows: dict[str, list[Row]]
    cards: dict[str, TaskCard]
    ledger: Ledger
    swarm: Swarm
    accepted: dict[int, str]
    billed_microusd: int
    text: Callable[[Content], str]

    def findings(self) -> list[Finding]:
        return [
            *soundness(self.log, WORKSPACE),
            *billed(self.log, self.billed_microusd),
            *kept(self.log, self.accepted),
            *contents(self.log, self.text),
            *read_models(self.rows, self.log),
            *cards(self.cards, self.log),
            *ledger(self.ledger, self.log),
            *queue(self.swarm, self.log),
        ]


class Office:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.dice = dice
        self.vendors = FakeVendors()
        # Without a resend every 50 ms, a round would mostly wait for the coordinator's next tick.
        self.settings = Settings(data=folder, resend_s=0.05, health_interval_s=0.05)
        self.plan: list[Kill] = []
        self.accepted: dict[int, str] = {}

    async def __aenter__(self) -> Self:
        await self.vendors.__aenter__()
        environ = self.vendors.environ(Provider.OPENAI, Provider.OLLAMA)
        self.runtime = CrashableRuntime(builder(self.settings, environ), self.watch)
        self.cast = RuntimeCast(self.settings, self.runtime)
        self.log = LogClient(self.cast.log(WORKSPACE), WORKSPACE)
        self.dispatcher = Dispatcher(self.log, now)
        await self.cast.open(WORKSPACE)
        self.project = (await self.dispatcher.dispatch(self.origin(), CreateProject(name="Chaos"))).id
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.plan.clear()
        await self.runtime.shutdown()
        await self.vendors.__aexit__(kind, error, trace)

    def origin(self) -> Origin:
        return Origin(WORKSPACE, "user:local", new_id("cor"))

    # --- dying ---

    def watch(self, moment: Moment) -> None:
        """Told of every moment of every call: the place where the plan strikes."""
        if moment.stage == "answered" and moment.method == "append":
            self._note(moment.args[0], moment.answer)
        if moment.method in _IDLE:
            return
        for kill in list(self.plan):
            kill.after -= 1
            if kill.after <= 0:
                self.plan.remove(kill)
                self.strike(kill.kind)

    def strike(self, kind: Kind) -> None:
        alive = sorted(address for address in self.runtime.running() if address.kind == kind)
        if alive:
            self.runtime.kill(self.dice.choice(alive))

    def _note(self, requests: Sequence[Any], results: Sequence[Any]) -> None:
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, Appended):
                self.accepted |= dict.fromkeys(result.positions, request.request_id)

    # --- a round ---

    async def round(self) -> list[Finding]:
        """Hand in a few tasks, let one to three die at it, wait until all is done: what is wrong then."""
        kinds = self.dice.choices(KINDS, k=self.dice.randint(1, 3))
        self.plan += [Kill(kind, self.dice.randint(1, _MOMENTS)) for kind in kinds]
        await self.rest()
        return (await self.records(await self.work())).findings()

    async def work(self) -> int:
        """A small backlog, from its first task to the end of all: the head of the log then."""
        start = await self.log.head()
        limit = SetBudget(monthly_limit_cents=1_000_000 + self.dice.randint(0, 1_000))
        await self.cast.budgets(WORKSPACE).set_budget(self.origin(), "workspace", WORKSPACE, limit)
        for number in range(TASKS):
            task = SubmitTask(
                project_id=self.project,
                title=f"Task {number}",
                task_type=self.dice.choice(task_types()),
                priority=self.dice.randint(0, 100),
                review="none",
            )
            await self.dispatcher.dispatch(self.origin(), task)
        await self.ended(start, TASKS)
        return await self.settled()

    async def rest(self) -> None:
        """Sometimes end well between two rounds who then saves what it knows, so that a later start begins there."""
        resting: tuple[Kind, ...] = ("budget", "coordinator")
        for kind in resting:
            if self.dice.random() < _RESTS:
                await self.runtime.stop(Address(kind, WORKSPACE))

    async def ended(self, position: int, count: int) -> None:
        """Until so many tasks have ended after `position`."""
        async with asyncio.timeout(60):
            while count > 0:
                polled = await self.log.poll(position, 1_000, 5, (TaskCompleted.TOPIC, TaskFailed.TOPIC))
                count -= len(polled.events)
                position = polled.position

    async def settled(self) -> int:
        """Until nothing is under way and everybody has seen all of the log, if that comes: its head."""
        deadline = asyncio.get_running_loop().time() + _SETTLED_WITHIN_S
        while True:
            head = await self.log.head()
            await self.cast.projector(WORKSPACE).wait_for(head, 10)
            coordinator, purse, router = [await self.ask(kind) for kind in ("coordinator", "budget", "router")]
            quiet = not (coordinator["running"] or coordinator["waiting"] or purse["open"] or router["under_way"])
            over = asyncio.get_running_loop().time() > deadline  # what is not as it should be, the checks will tell
            if (quiet or over) and coordinator["position"] >= head == await self.log.head():
                return head
            await asyncio.sleep(0.005)

    async def ask(self, kind: Kind) -> dict[str, Any]:
        workspace = "" if kind == "router" else WORKSPACE
        state: dict[str, Any] = await self.runtime.ref(Address(kind, workspace)).health()
        return state

    async def held(self, kind: Kind) -> Any:
        return await self.runtime.activate(Address(kind, WORKSPACE))

    async def records(self, head: int) -> Records:
        log = await everything(self.log)
        assert log[-1].position == head
        reader = ReadStore.open_reader(self.cast.read_store(WORKSPACE))
        with reader.snapshot() as rows:
            shown = {card.id: card for column in board(rows, None, head).columns.values() for card in column}
            held = rows_of(rows)
        reader.close()
        return Records(
            log,
            held,
            shown,
            cast(BudgetManager, await self.held("budget")).ledger,
            cast(SwarmCoordinator, await self.held("coordinator")).view,
            dict(self.accepted),
            self.vendors.ledger.billed_microusd,
            BlobStore(self.settings.blob_folder(WORKSPACE)).text,
        )
