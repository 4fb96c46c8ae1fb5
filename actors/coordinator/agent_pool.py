"""How work reaches the agents, and which of them had none for so long that they are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import structlog

from actors.follower import cancel
from actors.messages import Assignment
from vapora.domain.cell import Rest, together
from vapora.domain.heartbeat import Pulse
from vapora.domain.run_end import Card
from vapora.domain.swarm import rules as swarm
from vapora.ports import Origin


class AgentPort(Protocol):
    """What the coordinator asks of an agent."""

    async def perform(self, assignments: Sequence[Assignment]) -> None: ...

    async def cancel(self, assignment: Assignment, reason: str) -> None: ...

    async def pause(self, run_ids: Sequence[str]) -> None: ...

    async def resume(self, run_ids: Sequence[str]) -> None: ...

    async def pulse(self, run_ids: Sequence[str]) -> tuple[Pulse, ...]: ...

    async def let_go(self, run_ids: Sequence[str]) -> None: ...

    async def rest(self, run_ids: Sequence[str]) -> Rest: ...

    async def health(self) -> dict[str, Any]: ...


class AgentPool:
    """`agent(id)` reaches an agent, starting it if need be; `retire(id)` ends one that was idle for `idle_s`.

    `paused()`: the runs that may not take a further step now. `card(id)`: a task as it is now. All is sent in the
    background, once at a time. What fails is told, and sent again when the coordinator says so.
    """

    def __init__(
        self,
        workspace: str,
        agent: Callable[[str], AgentPort],
        retire: Callable[[str], Awaitable[None]],
        idle_s: float,
        paused: Callable[[], set[str]] = set,
        card: Callable[[str], Card | None] = lambda _: None,
    ) -> None:
        self._workspace = workspace
        self._agent = agent
        self._retire = retire
        self._idle_s = idle_s
        self._paused = paused
        self._card = card
        # Runs of which an agent may think that they are paused.
        self._held: set[str] = set()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._sent_to: dict[str, str] = {}
        self._last_busy: dict[str, float] = {}
        self._journal = structlog.get_logger("coordinator")

    def expect(self, agent_ids: Iterable[str], runs: Iterable[swarm.RunInFlight]) -> None:
        """Any of these may have been left running, or paused, by the coordinator before."""
        self._last_busy = dict.fromkeys(agent_ids, asyncio.get_running_loop().time())
        self._held = {one.run_id for one in runs}

    def send(self, runs: Iterable[swarm.RunInFlight], *, fresh: bool = False) -> None:
        """`fresh`: for the first time."""
        by_agent: dict[str, list[Assignment]] = {}
        paused = self._paused()
        for one in runs:
            if not one.stranded:  # it goes to whom it is handed over
                by_agent.setdefault(one.agent_id, []).append(self._message(one, one.run_id in paused, fresh))
        for agent_id, work in by_agent.items():
            name = f"perform {' '.join(one.run_id for one in work)}"
            self._start(name, agent_id, partial(self._perform, agent_id, work))

    def cancel(self, runs: Iterable[swarm.RunInFlight]) -> None:
        for one in runs:
            self._start(f"cancel {one.run_id}", one.agent_id, partial(self._cancel, self._message(one)))

    def pause(self, runs: Sequence[swarm.RunInFlight]) -> None:
        """Have the agents of these runs, which are all that there are, know which are paused, and which no longer."""
        paused = self._paused()
        self._held &= {one.run_id for one in runs}
        by_agent: dict[str, tuple[list[str], list[str]]] = {}
        for one in runs:
            if (one.run_id in paused) is not (one.run_id in self._held):
                hold, go_on = by_agent.setdefault(one.agent_id, ([], []))
                (hold if one.run_id in paused else go_on).append(one.run_id)
        for agent_id, (hold, go_on) in by_agent.items():
            if hold:
                self._start(f"pause {' '.join(hold)}", agent_id, partial(self._pause, agent_id, hold))
            if go_on:
                self._start(f"resume {' '.join(go_on)}", agent_id, partial(self._resume, agent_id, go_on))

    async def rest(self, runs: Iterable[swarm.RunInFlight]) -> Rest:
        """Of the agents that have these runs, which are all that there are."""
        if self._under_way:
            return Rest("work is on its way to its agent")
        by_agent: dict[str, list[str]] = {}
        for one in runs:
            by_agent.setdefault(one.agent_id, []).append(one.run_id)
        asked = (self._agent(agent_id).rest(run_ids) for agent_id, run_ids in by_agent.items())
        return together(await asyncio.gather(*asked))

    async def retire_idle(self, busy: set[str]) -> None:
        """End agents that were sent nothing for long. Each once: the next work starts it again."""
        now = asyncio.get_running_loop().time()
        for agent_id, since in list(self._last_busy.items()):
            if agent_id not in busy and now - since > self._idle_s:
                del self._last_busy[agent_id]
                await self._retire(agent_id)

    async def forget(self, agent_id: str) -> None:
        """Nothing that is on its way to this agent arrives any more, and it is ended no second time."""
        self._last_busy.pop(agent_id, None)
        for name, to in list(self._sent_to.items()):
            if to == agent_id and (sending := self._under_way.get(name)) is not None:
                await cancel(sending)

    async def let_go(self, agent_id: str, run_ids: Sequence[str]) -> None:
        """An agent that is well has these no longer."""
        self._start(f"let go {' '.join(run_ids)}", agent_id, partial(self._agent(agent_id).let_go, run_ids))

    async def stop(self) -> None:
        for sending in list(self._under_way.values()):
            await cancel(sending)

    async def _perform(self, agent_id: str, work: list[Assignment]) -> None:
        await self._agent(agent_id).perform(work)

    async def _cancel(self, work: Assignment) -> None:
        await self._agent(work.agent_id).cancel(work, "recalled")

    async def _pause(self, agent_id: str, run_ids: list[str]) -> None:
        await self._agent(agent_id).pause(run_ids)
        self._held.update(run_ids)

    async def _resume(self, agent_id: str, run_ids: list[str]) -> None:
        await self._agent(agent_id).resume(run_ids)
        self._held.difference_update(run_ids)

    def _message(self, one: swarm.RunInFlight, paused: bool = False, fresh: bool = False) -> Assignment:
        return Assignment(
            run_id=one.run_id,
            agent_id=one.agent_id,
            role=one.role,
            task=one.task,
            origin=Origin(self._workspace, f"agent:{one.agent_id}", one.correlation, one.position),
            purpose=one.purpose,
            head=one.head,
            attempt=one.task.attempt,
            comments=one.task.comments,
            fork=one.task.fork if one.purpose == "work" else None,
            model=one.task.model if one.purpose == "work" else None,
            paused=paused,
            handed_over=one.handed_over,
            given_up=one.given_up,
            card=self._card(one.task_id),
            fresh=fresh,
            equipment=one.equipment,
        )

    def _start(self, name: str, agent_id: str, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Carry out in the background what the next tick repeats if it fails."""
        self._last_busy[agent_id] = asyncio.get_running_loop().time()
        if name not in self._under_way:
            sending = asyncio.create_task(self._carry_out(name, call), name=name)
            self._under_way[name], self._sent_to[name] = sending, agent_id
            sending.add_done_callback(lambda _: self._arrived(name))

    def _arrived(self, name: str) -> None:
        self._under_way.pop(name, None)
        self._sent_to.pop(name, None)

    async def _carry_out(self, name: str, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await call()
        except Exception as error:  # whatever it is: it is told, and the next tick sends it again
            self._journal.warning("not delivered, will be sent again", what=name, error=repr(error))
