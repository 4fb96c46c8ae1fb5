"""How work reaches the agents, and which of them had none for so long that they are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import structlog

from actors.follower import cancel
from actors.messages import Assignment
from vapora.domain.swarm import rules as swarm
from vapora.ports import Origin


class AgentPort(Protocol):
    """What the coordinator asks of an agent."""

    async def perform(self, assignments: Sequence[Assignment]) -> None: ...

    async def cancel(self, assignment: Assignment, reason: str) -> None: ...

    async def health(self) -> dict[str, Any]: ...


class AgentPool:
    """`agent(id)` reaches an agent, starting it if need be; `retire(id)` ends one that was idle for `idle_s`.

    All is sent in the background, once at a time. What fails is told, and sent again when the coordinator says so.
    """

    def __init__(
        self, workspace: str, agent: Callable[[str], AgentPort], retire: Callable[[str], Awaitable[None]], idle_s: float
    ) -> None:
        self._workspace = workspace
        self._agent = agent
        self._retire = retire
        self._idle_s = idle_s
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._last_busy: dict[str, float] = {}
        self._journal = structlog.get_logger("coordinator")

    def expect(self, agent_ids: Iterable[str]) -> None:
        """Any of these may have been left running by the coordinator before."""
        self._last_busy = dict.fromkeys(agent_ids, asyncio.get_running_loop().time())

    def send(self, runs: Iterable[swarm.RunInFlight]) -> None:
        by_agent: dict[str, list[Assignment]] = {}
        for one in runs:
            by_agent.setdefault(one.agent_id, []).append(self._message(one))
        for agent_id, work in by_agent.items():
            name = f"perform {' '.join(one.run_id for one in work)}"
            self._start(name, agent_id, partial(self._perform, agent_id, work))

    def cancel(self, runs: Iterable[swarm.RunInFlight]) -> None:
        for one in runs:
            self._start(f"cancel {one.run_id}", one.agent_id, partial(self._cancel, self._message(one)))

    async def retire_idle(self, busy: set[str]) -> None:
        """End agents that were sent nothing for long. Each once: the next work starts it again."""
        now = asyncio.get_running_loop().time()
        for agent_id, since in list(self._last_busy.items()):
            if agent_id not in busy and now - since > self._idle_s:
                del self._last_busy[agent_id]
                await self._retire(agent_id)

    async def stop(self) -> None:
        for sending in list(self._under_way.values()):
            await cancel(sending)

    async def _perform(self, agent_id: str, work: list[Assignment]) -> None:
        await self._agent(agent_id).perform(work)

    async def _cancel(self, work: Assignment) -> None:
        await self._agent(work.agent_id).cancel(work, "recalled")

    def _message(self, one: swarm.RunInFlight) -> Assignment:
        origin = Origin(self._workspace, f"agent:{one.agent_id}", one.correlation, one.position)
        return Assignment(one.run_id, one.agent_id, one.role, one.task, origin)

    def _start(self, name: str, agent_id: str, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Carry out in the background what the next tick repeats if it fails."""
        self._last_busy[agent_id] = asyncio.get_running_loop().time()
        if name not in self._under_way:
            sending = asyncio.create_task(self._carry_out(name, call), name=name)
            self._under_way[name] = sending
            sending.add_done_callback(lambda _: self._under_way.pop(name, None))

    async def _carry_out(self, name: str, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await call()
        except Exception as error:  # whatever it is: it is told, and the next tick sends it again
            self._journal.warning("not delivered, will be sent again", what=name, error=repr(error))
