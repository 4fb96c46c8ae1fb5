"""The swarm coordinator: gives each waiting task to the agent that has earned it, and moves the card after its run.

It follows the whole log and holds its view in memory. After a restart it folds the log again; what it had
decided but not carried out (an assignment not sent, a move not recorded) shows in the view and is done then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog

from actors.coordinator.agent_pool import AgentPool, AgentPort
from actors.coordinator.agent_watch import AgentWatch
from actors.coordinator.assigning import Assigner
from actors.coordinator.queue_consumer import QueueConsumer
from actors.coordinator.queue_status import QueueStatusReader
from actors.follower import Follower, Ticker
from events import Recorded
from events.agent import AgentReadmitted, AgentSuspended
from events.ids import WaitReason
from events.task import ReviewAssigned, TaskAssigned, TaskHandedOver
from vapora.clock import Clock
from vapora.domain import task
from vapora.domain.agent import RoleDefaults
from vapora.domain.cell import Rest
from vapora.domain.heartbeat import Heartbeat
from vapora.domain.swarm import rules as swarm
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.records import Append
from vapora.views import DeadLetterView, QueueView

# Cards that say at one time that a limit of runs keeps them waiting.
_MOST_TOLD = 20
# With each of these a run is somebody's to perform.
_GIVEN_OUT = (TaskAssigned, ReviewAssigned, TaskHandedOver)


class SwarmCoordinator:
    """`agent`, `retire` and `idle_s`: how agents are reached and ended (`actors.coordinator.agent_pool`). `resend_s`:
    how often running work is sent again, so that a restarted agent takes it up. `saved`: where the view is saved now
    and then, for a quick start. `consumer`: a queue that delivers the work; without one, the log itself is the queue,
    and what waits in it may start. `kill`, `beat`, `heartbeat_s`: how agents that do not answer are ended, and when one
    is taken for that (`actors.coordinator.agent_watch`). `most_runs_of`: how many runs of a role go on at once where
    the workspace does not say. `role_defaults`: what an agent of a role is by itself, which those follow at a start
    that nobody edited; None: unknown. `has_code`: whether the code of an agent written in Python is here.
    """

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        agent: Callable[[str], AgentPort],
        retire: Callable[[str], Awaitable[None]],
        is_simulated: Callable[[], Awaitable[bool]],
        clock: Clock,
        *,
        idle_s: float,
        resend_s: float,
        saved: SavedFold[swarm.Swarm] | None = None,
        consumer: QueueConsumer | None = None,
        kill: Callable[[str], Awaitable[None]] | None = None,
        beat: Callable[[str], Heartbeat] = lambda role: Heartbeat(),
        heartbeat_s: float = 5.0,
        most_runs_of: Mapping[str, int] | None = None,
        role_defaults: Callable[[str], RoleDefaults | None] = lambda role: None,
        full: Callable[[], str | None] = lambda: None,
        has_code: Callable[[str], bool] = lambda agent: True,
        exploration: float = 0.0,
    ) -> None:
        """`full`: why nothing may start on this disk, for cards to say; None: there is room. `exploration`: as in
        `vapora.domain.assignment.rank`."""
        self._log = log
        self._workspace = workspace
        self._is_simulated = is_simulated
        self._role_defaults = role_defaults
        self._full = full
        self._was_full = False
        self._has_code = has_code
        self._saved = saved
        self._consumer = consumer
        self._queue_status = QueueStatusReader(
            log, workspace, consumer, lambda: swarm.open_offers(self._swarm, workspace)
        )
        self._acting = asyncio.Lock()
        self._most_runs_of = dict(most_runs_of or {})
        self._exploration = exploration
        self._swarm = self._with_settings(swarm.initial())
        paused, card = (lambda: swarm.paused(self._swarm)), (lambda id_: swarm.card(self._swarm, id_))
        self._pool = AgentPool(workspace, agent, retire, idle_s, paused, card)
        self._assigner = Assigner(log, workspace, lambda: self._swarm, clock, consumer)
        self._watch = AgentWatch(
            log,
            workspace,
            lambda: self._swarm,
            self._pool,
            self._assigner,
            clock,
            agent=agent,
            kill=kill or retire,
            beat=beat,
            interval_s=heartbeat_s,
        )
        self._caught_up = False
        self._follower = Follower(f"coordinator/{workspace}", log, self._handle, topics=swarm.TOPICS)
        self._ticker = Ticker(f"coordinator/{workspace}", self._tick, resend_s)
        self._journal = structlog.get_logger("coordinator")

    def _with_settings(self, view: swarm.Swarm) -> swarm.Swarm:
        """With what is not folded but given."""
        view.usual_most_runs_of, view.exploration = self._most_runs_of, self._exploration
        return view

    async def start(self) -> None:
        self._assigner.simulated = await self._is_simulated()
        resumed = await self._saved.load(self._log) if self._saved is not None else None
        if resumed is not None:
            self._swarm, self._follower.position = self._with_settings(resumed.state), resumed.position
        if self._consumer is not None:
            await self._consumer.catch_up(self._log)
        await self._follower.catch_up()
        self._caught_up = True
        await self._watch.follow_roles(self._role_defaults)
        await self._watch.follow_code(self._has_code)
        self._pool.expect(self._swarm.agents, swarm.running(self._swarm))
        try:
            if self._consumer is not None:
                await self._consumer.start(self._act)
            await self._act()
        except BaseException:
            # Not started, so nobody will stop it; its consumer would go on to take offers.
            if self._consumer is not None:
                await self._consumer.stop()
            raise
        self._pool.send(swarm.running(self._swarm))
        self._follower.start()
        self._ticker.start()
        self._watch.start()

    async def stop(self) -> None:
        await self._watch.stop()
        await self._ticker.stop()
        if self._consumer is not None:
            await self._consumer.stop()
        await self._follower.stop()
        await self._pool.stop()
        if self._saved is not None and self._caught_up:
            await self._saved.close(self._log, self._swarm, self._swarm.position)

    async def health(self) -> dict[str, Any]:
        return {
            "position": self._follower.position,
            "problem": self._follower.problem or self._ticker.problem or self._watch.problem,
            "waiting": len(swarm.waiting(self._swarm)),
            "running": len(swarm.running(self._swarm)),
            **({"queue": self._consumer.health()} if self._consumer else {}),
        }

    async def rest(self) -> Rest:
        """Busy while there is anything that it, or an agent, could do now."""
        if problem := self._follower.problem or self._ticker.problem:
            return Rest(f"its coordinator: {problem}")
        if self._acting.locked() or self._has_something_to_do() or await self._follower.is_behind():
            return Rest("work is being given out")
        if self._consumer is not None and (busy := self._consumer.busy):
            return Rest(busy)
        return await self._pool.rest(swarm.running(self._swarm))

    def _has_something_to_do(self) -> bool:
        view, consumer = self._swarm, self._consumer
        may_start = None if consumer is None else (lambda id_: not consumer.is_dead(id_))
        undone = (swarm.recalled(view), swarm.ended_unmoved(view), swarm.without_reviewer(view), view.proposed)
        return any(undone) or swarm.foremost(view, may_start) is not None or swarm.next_review(view) is not None

    @property
    def view(self) -> swarm.Swarm:
        """What it decides on, assignments that are being appended among it. Not to be changed."""
        return self._swarm

    @property
    def consumer(self) -> QueueConsumer | None:
        return self._consumer

    async def disk(self) -> str:
        return self._full() or ""

    async def queue_health(self) -> str:
        return self._queue_status.health()

    async def queue_status(self) -> QueueView:
        return await self._queue_status.status()

    async def dead_letter(self, task_id: str) -> DeadLetterView:
        return await self._queue_status.dead_letter(task_id)

    async def _handle(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            swarm.evolve(self._swarm, recorded)
            if self._consumer is not None:
                self._consumer.evolve(recorded)
        if self._caught_up:
            await self._act()
            given = {one.event.run_id for one in events if isinstance(one.event, _GIVEN_OUT)}
            fresh = {one.event.run_id for one in events if isinstance(one.event, TaskAssigned | ReviewAssigned)}
            running = [one for one in swarm.running(self._swarm) if one.run_id in given]
            self._pool.send((one for one in running if one.run_id in fresh), fresh=True)
            self._pool.send(one for one in running if one.run_id not in fresh)
            if any(isinstance(one.event, AgentSuspended | AgentReadmitted) for one in events):
                await self._watch.hand_over()

    async def _act(self) -> None:
        # The log's follower and the consumer both call this.
        async with self._acting:
            await self._move_ended()
            await self._explain_silent()
            await self._review_by_people()
            if (said := self._full()) is None:
                await self._assigner.assign()
            self._was_full = said is not None
            self._pool.cancel(swarm.recalled(self._swarm))
            self._pool.pause(swarm.running(self._swarm))
            if self._consumer is not None:
                await self._consumer.settle(self._swarm.proposed)

    async def _tick(self) -> None:
        """Send again what runs, and end agents that have had nothing to do for long."""
        # A workspace that was brought a key rehearses no more.
        self._assigner.simulated = await self._is_simulated()
        self._pool.send(swarm.running(self._swarm))
        self._pool.cancel(swarm.recalled(self._swarm))
        self._pool.pause(swarm.running(self._swarm))
        await self._pool.retire_idle({one.agent_id for one in self._swarm.runs.values()})
        if self._saved is not None and self._saved.due(self._swarm.position):
            self._saved.save_soon(self._log, self._swarm, self._swarm.position)
        if self._was_full and self._full() is None:
            await self._act()
        await self._explain_limited()
        await self._explain_dead()

    # --- moving cards ---

    async def _move_ended(self) -> None:
        """Cards follow the end of their runs; also those whose move a crash prevented."""
        await self._append(
            self._assigner.request(one.id, task.after_run(one, ended.event), causation=ended.position)
            for one, ended in swarm.ended_unmoved(self._swarm)
        )

    async def _explain_silent(self) -> None:
        """Not where a dead letter is what a task waits for: its card would be told one and the other in turns."""
        await self._append(
            self._assigner.request(one.id, task.wait(one, reason, remedy))
            for one, reason, remedy in swarm.silent(self._swarm)
            if self._consumer is None or not self._consumer.is_dead(one.id)
        )

    async def _explain_limited(self) -> None:
        """The foremost cards that a limit of runs, or a full disk, keeps from starting say so; not each of a long
        line."""
        async with self._acting:
            said = self._full()
            held = swarm.limited(self._swarm, _MOST_TOLD) if said is None else swarm.held(self._swarm, said, _MOST_TOLD)
            await self._append(
                self._assigner.request(one.id, task.wait(one, reason, remedy)) for one, reason, remedy in held
            )

    async def _explain_dead(self) -> None:
        """A card whose offer is a dead letter says so."""
        if self._consumer is not None:
            remedy = "It could not be given out, time and again. See the journal, then: vapora queue requeue {}"
            told = (
                (id_, task.wait(self._swarm.open_tasks.get(id_), WaitReason.PAUSED, remedy.format(id_)))
                for id_ in [letter.id for letter in await self._consumer.refresh_dead_letters()]
            )
            await self._append(self._assigner.request(id_, events) for id_, events in told if events)

    async def _review_by_people(self) -> None:
        """What no agent can review is for a person to judge."""
        await self._append(
            self._assigner.request(one.id, (task.to_person(one, reason),))
            for one, reason in swarm.without_reviewer(self._swarm)
        )

    async def _append(self, requests: Iterable[Append]) -> None:
        """A conflict means that somebody moved the card first: the follower brings that, and we look again."""
        if batch := list(requests):
            await self._log.append_many(batch)
