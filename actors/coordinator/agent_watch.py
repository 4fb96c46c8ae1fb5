"""Looks after the agents that have work: who is silent or stuck is suspended, started anew, and readmitted; what it had
goes to others.

When that is so is a pure rule (`vapora.domain.heartbeat`). Heartbeats are questions of the runtime and no events; what
follows from them is: `agent.suspended`, `task.handed-over`, `agent.readmitted`. After a restart the log says who is
suspended and whose runs are in nobody's hands; only the count of misses begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from actors.coordinator.agent_pool import AgentPool, AgentPort
from actors.coordinator.assigning import Assigner
from actors.follower import Ticker, cancel
from events import DomainEvent
from events.agent import AgentReadmitted, AgentSuspended, HeldRun
from events.ids import agent_stream
from vapora.clock import Clock
from vapora.domain import task
from vapora.domain.agent import RoleDefaults, code_is_gone, follow_role
from vapora.domain.heartbeat import Heartbeat, Pulse, Suspend, Watched, look, rests_s, watch
from vapora.domain.swarm import rules as swarm
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Conflict

_ACTOR = "swarm-coordinator"
# Ending what does not answer must not take for ever either.
_KILLED_WITHIN_S = 20.0


@dataclass(slots=True)
class _Out:
    """A suspended agent: since when, as the loop's clock has it, and how often without a good run between."""

    since: float
    times: int


class AgentWatch:
    """`agent`, `kill`: how agents are reached, and ended at once. `beat`: of an agent by its role."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        view: Callable[[], swarm.Swarm],
        pool: AgentPool,
        assigner: Assigner,
        clock: Clock,
        *,
        agent: Callable[[str], AgentPort],
        kill: Callable[[str], Awaitable[None]],
        beat: Callable[[str], Heartbeat],
        interval_s: float,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._view = view
        self._pool = pool
        self._assigner = assigner
        self._clock = clock
        self._agent = agent
        self._kill = kill
        self._beat = beat
        self._watched: dict[str, Watched] = {}
        self._asked_at: dict[str, float] = {}
        self._out: dict[str, _Out] = {}
        self._ended: dict[str, int] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._handing_over = asyncio.Lock()
        self._ticker = Ticker(f"agents/{workspace}", self.look, interval_s)
        self._journal = structlog.get_logger("coordinator")

    @property
    def problem(self) -> str | None:
        return self._ticker.problem

    def start(self) -> None:
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        for ending in list(self._ending.values()):
            await cancel(ending)

    async def look(self) -> None:
        """Ask everybody who has work, and everybody who is suspended, side by side."""
        view = self._view()
        at_work: dict[str, list[str]] = {}
        for one in swarm.running(view):
            if not one.stranded:
                at_work.setdefault(one.agent_id, []).append(one.run_id)
        offline = [agent.id for agent in view.agents.values() if agent.offline]
        for gone in self._watched.keys() - at_work.keys():
            del self._watched[gone]
        asked = [self._look_at(agent_id, runs) for agent_id, runs in at_work.items() if agent_id not in offline]
        await asyncio.gather(*asked, *(self._try_again(agent_id) for agent_id in offline))
        await self.hand_over()

    # --- suspending ---

    async def _look_at(self, agent_id: str, run_ids: Sequence[str]) -> None:
        beat, now = self._beat_of(agent_id), _now()
        if now - self._asked_at.get(agent_id, -beat.interval_s) < 0.9 * beat.interval_s:
            return
        self._asked_at[agent_id] = now
        known = self._watched.setdefault(agent_id, watch(now))
        answer = await self._ask(agent_id, run_ids, beat.interval_s)
        self._watched[agent_id], verdict = look(known, answer, _now(), beat)
        if verdict is not None:
            await self._suspend(agent_id, verdict, run_ids)

    async def _ask(self, agent_id: str, run_ids: Sequence[str], within_s: float) -> tuple[Pulse, ...] | None:
        try:
            async with asyncio.timeout(within_s):
                return await self._agent(agent_id).pulse(run_ids)
        except Exception as error:  # of the transport or of the agent: either way it said nothing
            self._journal.info("no heartbeat", agent=agent_id, error=repr(error))
            return None

    async def _suspend(self, agent_id: str, verdict: Suspend, run_ids: Sequence[str]) -> None:
        stuck = {one.run_id: one for one in verdict.stuck}
        runs = [one for one in swarm.running(self._view()) if one.run_id in run_ids]
        event = AgentSuspended(
            agent_id=agent_id,
            cause=verdict.cause,
            misses=verdict.misses,
            after_s=round(verdict.after_s),
            reason=verdict.reason,
            runs=tuple(_held(one, stuck.get(one.run_id)) for one in runs),
        )
        self._journal.warning("suspended", agent=agent_id, why=verdict.reason, runs=list(run_ids))
        if not await self._append(agent_id, event):
            return  # somebody changed it at this moment; the next look finds it as it is
        await self._pool.forget(agent_id)
        times = self._out[agent_id].times + 1 if agent_id in self._out and not self._was_well(agent_id) else 1
        self._out[agent_id] = _Out(_now(), times)
        self._watched.pop(agent_id, None)
        self._ending[agent_id] = asyncio.create_task(self._end(agent_id), name=f"end {agent_id}")

    async def _end(self, agent_id: str) -> None:
        try:
            async with asyncio.timeout(_KILLED_WITHIN_S):
                await self._kill(agent_id)
        except Exception as error:  # tried again as long as it does not answer
            self._journal.warning("not ended", agent=agent_id, error=repr(error))

    # --- readmitting ---

    async def _try_again(self, agent_id: str) -> None:
        """One that is called is started. It is readmitted with its first answer, unless it was out too often."""
        beat = self._beat_of(agent_id)
        out = self._out.setdefault(agent_id, _Out(_now(), 1))
        if (ending := self._ending.pop(agent_id, None)) is not None:
            await ending
        if _now() - out.since < rests_s(out.times, beat):
            return
        if await self._ask(agent_id, (), max(beat.interval_s, beat.start_s)) is None:
            await self._end(agent_id)
            return
        await self._append(agent_id, AgentReadmitted(agent_id=agent_id, after_s=round(_now() - out.since)))
        self._ended[agent_id] = self._runs_of(agent_id)

    def _was_well(self, agent_id: str) -> bool:
        """Whether it ended a run since it was readmitted."""
        return self._runs_of(agent_id) > self._ended.get(agent_id, 0)

    def _runs_of(self, agent_id: str) -> int:
        view = self._view()
        return sum(
            known.runs(kind)
            for known in (view.history(agent_id, simulated) for simulated in (False, True))
            for kind in known.task_types()
        )

    # --- handing over ---

    async def hand_over(self) -> None:
        """What is in nobody's hands goes to whoever of its role is free, one after the other."""
        async with self._handing_over:
            for one, why in [*swarm.stranded(self._view()), *self._drained_for_long()]:
                await self._hand_over(one, why)

    async def _hand_over(self, run: swarm.RunInFlight, why: str) -> None:
        view = self._view()
        choice = swarm.choose_successor(view, run, self._clock(), self._assigner.simulated)
        known = view.open_tasks.get(run.task_id)
        events = task.hand_over(known, run_id=run.run_id, from_agent=run.agent_id, choice=choice, why=why)
        if not events or choice.chosen is None:
            return
        to = choice.chosen.agent_id
        view.start(run.run_id, to)  # so that the next choice sees it
        [result] = await self._log.append_many([self._assigner.request(run.task_id, events)])
        if isinstance(result, Conflict) and to != run.agent_id:
            view.stop(run.run_id, to)
        elif to != run.agent_id and not run.stranded:
            await self._pool.let_go(run.agent_id, [run.run_id])

    def _drained_for_long(self) -> list[tuple[swarm.RunInFlight, str]]:
        view, now = self._view(), self._clock()
        found = []
        for one in swarm.running(view):
            since, agent = view.draining.get(one.agent_id), view.agents.get(one.agent_id)
            limit_s = agent.drain_limit_s if agent is not None else None
            if since is not None and limit_s is not None and now - since >= timedelta(seconds=limit_s):
                found.append((one, f"was drained, and had {limit_s} s to end what it had"))
        return found

    # --- what their roles say ---

    async def follow_roles(self, defaults: Callable[[str], RoleDefaults | None]) -> None:
        """What nobody chose for an agent becomes what the manifest of its role says now."""
        for agent in list(self._view().agents.values()):
            usual = defaults(agent.role)
            for event in () if usual is None else follow_role(agent, usual):
                if not await self._append(agent.id, event):
                    self._journal.info("edited at this moment: follows its role with the next start", agent=agent.id)

    async def follow_code(self, has_code: Callable[[str], bool]) -> None:
        """Agents written in Python whose code is not here get no work."""
        for agent in list(self._view().agents.values()):
            for event in () if has_code(agent.id) else code_is_gone(agent):
                await self._append(agent.id, event)

    # --- the log ---

    async def _append(self, agent_id: str, event: DomainEvent) -> bool:
        stream = agent_stream(agent_id)
        known = await self._log.read(stream, lenient=True)
        version, position = (known[-1].version, known[-1].position) if known else (0, None)
        origin = Origin(self._workspace, _ACTOR, f"agent-{agent_id}", position)
        request = self._log.request(origin, (stream, version, (event,)), request_id=f"{stream}@{version}:{event.TOPIC}")
        [result] = await self._log.append_many([request])
        return not isinstance(result, Conflict)

    def _beat_of(self, agent_id: str) -> Heartbeat:
        agent = self._view().agents.get(agent_id)
        return self._beat(agent.role if agent is not None else "")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _held(run: swarm.RunInFlight, pulse: Pulse | None) -> HeldRun:
    if pulse is None:
        return HeldRun(run_id=run.run_id, task_id=run.task_id)
    return HeldRun(
        run_id=run.run_id,
        task_id=run.task_id,
        doing=pulse.doing,
        name=pulse.name,
        attempt=pulse.attempt,
        stuck=True,
    )
