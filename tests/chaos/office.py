"""One installation over the runtime that can kill, its vendors, and the plan of who dies when."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from actors.budget_manager import BudgetManager
from actors.composition import ActorSystem, builder
from actors.coordinator import SwarmCoordinator
from actors.runtime.base import Address
from events.ids import Provider, TaskState
from events.task import TaskArchived, TaskCompleted, TaskFailed
from projections.board import board
from projections.engine.store import StoreReader
from tests.actors.kit import everything
from tests.chaos.post import Post
from tests.chaos.records import WORKSPACE, Records
from vapora.blobs import BlobStore
from vapora.catalog import task_types
from vapora.clock import new_id, now
from vapora.commands import CreateProject, EditAgent, MoveTask, SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Appended
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.agreement import rows_of
from vapora.testing.crash import CrashableRuntime, KillPoint
from vapora.testing.soundness import Discrepancy

TASKS = 6
KINDS = ("log", "projector", "budget", "coordinator", "router", "agent", "supervisor")
# With NATS, one death in three is in the way that the work takes through it.
WITH_NATS: tuple[str, ...] = (*KINDS, "relay", "nats", "nats")
# Their agents alone do this work. They are on leave in turn, so that in every round something is left to be done.
ON_LEAVE = (("marketer", "marketing-copy"), ("presenter", "presentation"))
LEFT = 2
# Reading is no moment worth dying at: nothing changes by it.
_IDLE = frozenset({"poll", "health", "head", "read", "wait_for", "is_simulated", "frames"})
# About how many moments the work of one round has; a kill planned beyond is carried out in the next one.
_MOMENTS = 500
_ENDED_WITHIN_S = 30
_SETTLED_WITHIN_S = 5
_QUIET_WITHIN_S = 15
_ENDS = (TaskCompleted.TOPIC, TaskFailed.TOPIC, TaskArchived.TOPIC)
_RESTS = 0.3
# How often NATS dies when all is done, and the log has no more to say.
_STRIKES_LATE = 0.15


@dataclass(slots=True)
class Kill:
    """`after`: how many moments of the work from now on."""

    kind: str
    after: int


class Office:
    """`nats`: with a NATS server, which may be killed too."""

    def __init__(self, folder: Path, dice: random.Random, nats: bool = False) -> None:
        self.dice = dice
        self.vendors = FakeVendors()
        self.post = Post(folder / "nats", dice) if nats else None
        # Without a resend every 50 ms, a round would mostly wait for the coordinator's next tick.
        self.settings = Settings(data=folder / "data", resend_s=0.05, health_interval_s=0.05)
        if self.post is not None:
            # Now the log helps soon, and now NATS has to bring everything for as long as it is there.
            patience = dice.choice((0.3, 60))
            told = {"nats_url": self.post.server.url, "nats_ack_wait_s": 0.6, "nats_patience_s": patience}
            self.settings = self.settings.model_copy(update=told)
        self.plan: list[Kill] = []
        self.struck: list[str] = []
        self.working = False
        self.accepted: dict[int, str] = {}
        self.waiting: list[str] = []
        self._rounds = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            if self.post is not None:
                opened.push_async_callback(self.post.server.kill)
                await self.post.server.start()
            await opened.enter_async_context(self.vendors)
            environ = self.vendors.environ(Provider.OPENAI, Provider.OLLAMA)
            self.runtime = CrashableRuntime(builder(self.settings, environ), self.watch)
            opened.push_async_callback(self.runtime.shutdown)
            if self.post is not None:
                opened.push_async_callback(self.post.back)
            opened.callback(self.plan.clear)
            self.system = ActorSystem(self.settings, self.runtime)
            self.log = LogClient(self.system.log(WORKSPACE), WORKSPACE)
            self.dispatcher = Dispatcher(self.log, now)
            await self.system.open(WORKSPACE)
            self.project = (await self.dispatcher.dispatch(self.origin(), CreateProject(name="Chaos"))).id
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)

    def origin(self) -> Origin:
        return Origin(WORKSPACE, "user:local", new_id("cor"))

    # --- dying ---

    def watch(self, moment: KillPoint) -> None:
        """Told of every moment of every call: the place where the plan strikes."""
        if moment.stage == "answered" and moment.method == "append":
            self._note(moment.args[0], moment.answer)
        if moment.method in _IDLE or not self.working:
            return
        if self.post is not None:
            self.post.moment()
        for kill in list(self.plan):
            kill.after -= 1
            if kill.after <= 0:
                self.plan.remove(kill)
                self.strike(kill.kind)

    def strike(self, kind: str) -> None:
        if kind == "nats":
            self.struck += self.post.strike() if self.post else []
            return
        alive = sorted(address for address in self.runtime.running() if address.kind == kind)
        if alive:
            victim = self.dice.choice(alive)
            self.runtime.kill(victim)
            self.struck.append(str(victim))

    def _note(self, requests: Sequence[Any], results: Sequence[Any]) -> None:
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, Appended):
                self.accepted |= dict.fromkeys(result.positions, request.request_id)

    # --- a round ---

    async def round(self) -> list[Discrepancy]:
        """Hand in a few tasks, let one to three die at it, wait until all is done: what is wrong then."""
        kinds = self.dice.choices(WITH_NATS if self.post else KINDS, k=self.dice.randint(1, 3))
        self.plan += [Kill(kind, self.dice.randint(1, _MOMENTS)) for kind in kinds]
        await self.rest()
        await self.work()
        if self.post is not None and self.dice.random() < _STRIKES_LATE:
            self.struck += self.post.strike()
        left, wrong = await self.quiet()
        buried = [one for one in left.streams.offers if one.dead] if left.streams else []
        # Nothing is wrong with any task, and nobody died as often as it takes to think so.
        return [*wrong, *(Discrepancy("dead letters", one.task_id, "is one, for no reason") for one in buried)]

    async def work(self) -> None:
        """A small backlog, from its first task to the end of all but those whose agent is on leave.

        Who was on leave is back in the middle of it, and does what was left; one of these is archived before.
        """
        self.working = True
        start = await self.log.head()
        limit = SetBudget(monthly_limit_cents=1_000_000 + self.dice.randint(0, 1_000))
        await self.system.budgets(WORKSPACE).set_budget(self.origin(), "workspace", WORKSPACE, limit)
        leaves, returns = ON_LEAVE[self._rounds % 2], ON_LEAVE[1 - self._rounds % 2]
        self._rounds += 1
        await self.dispatcher.dispatch(self.origin(), EditAgent(enabled=False), leaves[0])
        left, self.waiting = self.waiting, []
        usual = [one for one in task_types() if one not in (leaves[1], returns[1])]
        backlog = [*(self.dice.choice(usual) for _ in range(TASKS)), *[leaves[1]] * LEFT]
        self.dice.shuffle(backlog)
        back_at = self.dice.randrange(len(backlog))
        for number, task_type in enumerate(backlog):
            if number == back_at:
                await self._return(returns[0], left[:1])
            task_id = await self._submit(number, task_type)
            if task_type == leaves[1]:
                self.waiting.append(task_id)
        await self.ended(start, TASKS + len(left))

    async def _submit(self, number: int, task_type: str) -> str:
        task = SubmitTask(
            project_id=self.project,
            title=f"Task {number}",
            task_type=task_type,
            priority=self.dice.randint(0, 100),
            review="none",
        )
        return (await self.dispatcher.dispatch(self.origin(), task)).id

    async def _return(self, agent_id: str, archived: Sequence[str]) -> None:
        for task_id in archived:
            await self.dispatcher.dispatch(self.origin(), MoveTask(state=TaskState.ARCHIVED), task_id)
        await self.dispatcher.dispatch(self.origin(), EditAgent(enabled=True), agent_id)

    async def rest(self) -> None:
        """Sometimes end well between two rounds who then saves what it knows, so that a later start begins there."""
        for kind in ("budget", "coordinator"):
            if self.dice.random() < _RESTS:
                await self.runtime.stop(Address(kind, WORKSPACE))

    async def ended(self, position: int, count: int) -> None:
        """Until so many tasks have ended after `position`, if that comes: what has not, the checks will tell."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDED_WITHIN_S):
                while count > 0:
                    polled = await self.log.poll(position, 1_000, 5, _ENDS)
                    count -= len(polled.events)
                    position = polled.position

    async def quiet(self) -> tuple[Records, list[Discrepancy]]:
        """What is left of the work as soon as all is as it should be, if that comes: before, something is under way.

        What is not as it should be must be so at two looks in a row: a look takes its time, and what waits for somebody
        is offered anew all the while.
        """
        self.working = False
        if self.post is not None:
            await self.post.back()
        clock = asyncio.get_running_loop().time
        deadline = clock() + _QUIET_WITHIN_S
        before: list[Discrepancy] = []
        while True:
            await self.settled()
            began = clock()
            found = await self.records()
            late_s = clock() - deadline
            if found is None:
                assert late_s < _QUIET_WITHIN_S, "Somebody writes without end."
            else:
                wrong = found.findings()
                lasting = [one for one in wrong if one in before]
                if not wrong or (late_s > 0 and lasting) or late_s > _QUIET_WITHIN_S:
                    return found, lasting or wrong
                before = wrong
            # Whoever looks all the time lets nobody else work.
            await asyncio.sleep(clock() - began)

    async def settled(self) -> None:
        """Until everybody has seen all of the log, and nothing is under way, if that comes."""
        deadline = asyncio.get_running_loop().time() + _SETTLED_WITHIN_S
        while True:
            head = await self.log.head()
            await self.system.projector(WORKSPACE).wait_for(head, 60)
            coordinator, budget_watch, router = [await self.ask(kind) for kind in ("coordinator", "budget", "router")]
            waits = coordinator["waiting"] > len(self.waiting)
            quiet = not (coordinator["running"] or waits or budget_watch["open"] or router["under_way"])
            over = asyncio.get_running_loop().time() > deadline
            if (quiet or over) and coordinator["position"] >= head == await self.log.head():
                return
            await asyncio.sleep(0.005)

    async def ask(self, kind: str) -> dict[str, Any]:
        workspace = "" if kind == "router" else WORKSPACE
        state: dict[str, Any] = await self.runtime.ref(Address(kind, workspace)).health()
        return state

    async def held(self, kind: str) -> Any:
        return await self.runtime.activate(Address(kind, WORKSPACE))

    async def records(self) -> Records | None:
        """None if somebody wrote meanwhile."""
        log = await everything(self.log)
        reader = StoreReader(self.system.read_store(WORKSPACE))
        with reader.snapshot() as rows:
            shown = {card.id: card for column in board(rows, None, rows.position).columns.values() for card in column}
            held = rows_of(rows)
        reader.close()
        coordinator = cast(SwarmCoordinator, await self.held("coordinator"))
        # Not in the middle of its answers: an offer that is put off is replaced by a copy, and until that is done there
        # are two.
        streams = await self.post.holdings(WORKSPACE, coordinator._acting) if self.post else None
        found = Records(
            log,
            held,
            shown,
            cast(BudgetManager, await self.held("budget")).ledger,
            coordinator.view,
            dict(self.accepted),
            self.vendors.ledger.billed_microusd,
            BlobStore(self.settings.blob_folder(WORKSPACE)).text,
            frozenset(self.waiting),
            streams,
            coordinator.consumer.state if coordinator.consumer else None,
        )
        return found if await self.log.head() == log[-1].position else None
