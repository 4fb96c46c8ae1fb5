"""The whole actor system in one process, without HTTP."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from pathlib import Path

from actors.composition import LocalActorSystem
from benchmarks.sides import loop, tasks
from events.task import TaskCompleted, TaskFailed
from vapora import journal
from vapora.clock import new_id, now
from vapora.commands import CreateProject, EditAgent, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings


class Engine:
    def __init__(self, log: LogClient, agents: int = len(tasks.AGENTS)) -> None:
        """`agents`: so many of them get work."""
        self._log = log
        self._agents = agents
        self._people = Dispatcher(log, now)
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._ended: dict[str, str] = {}
        self._project = ""

    async def begin(self) -> None:
        origin = Origin("default", "benchmark", new_id("cor"))
        for agent in tasks.AGENTS:
            await self._people.dispatch(origin, EditAgent(capacity=tasks.CAPACITY), agent)
        self._project = (await self._people.dispatch(origin, CreateProject(name="Engine"))).id

    async def follow(self) -> None:
        position = await self._log.head()
        while True:
            polled = await self._log.poll(position, 1_000, 5, (TaskCompleted.TOPIC, TaskFailed.TOPIC))
            position = polled.position
            for recorded in polled.events:
                event = recorded.event
                assert isinstance(event, TaskCompleted | TaskFailed)
                reason = event.reason if isinstance(event, TaskFailed) else ""
                if (waiting := self._waiting.pop(event.task_id, None)) is None:
                    self._ended[event.task_id] = reason
                elif reason:
                    waiting.set_exception(RuntimeError(reason))
                else:
                    waiting.set_result(None)

    async def task(self) -> None:
        number = next(self._numbers)
        command = SubmitTask(
            project_id=self._project,
            title=tasks.title(number),
            task_type=tasks.task_type(number % self._agents),
            review="none",
        )
        task = (await self._people.dispatch(Origin("default", "benchmark", new_id("cor")), command)).id
        if task in self._ended:
            if reason := self._ended.pop(task):
                raise RuntimeError(reason)
            return
        waiting = self._waiting[task] = asyncio.get_running_loop().create_future()
        await waiting


async def main(folder: Path, longest_s: float) -> None:
    settings = Settings(
        data=folder,
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=longest_s,
        rehearsal_steps=loop.STEPS,
    )
    system = LocalActorSystem(settings)
    await system.start()
    engine = Engine(LogClient(system.log("default"), "default"))
    await engine.begin()
    following = asyncio.create_task(engine.follow())
    loads = loop.loads()
    while (load := await asyncio.to_thread(next, loads, None)) is not None:
        await loop.run(load, engine.task)
    following.cancel()
    await system.stop()


if __name__ == "__main__":
    journal.configure(level=logging.ERROR)
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
