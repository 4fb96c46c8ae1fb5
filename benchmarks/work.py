"""What a recorded step of an agent costs beyond its tool, and twelve cards at once.

    python -m benchmarks.work [--steps 90] [--cards 12] [--files 2000] [--folder DIR]

Everything runs in one process, with SQLite and files in a folder; the model answers at once. A step is one answer of
the model with one tool call: reserve, answer, settle, use the tool, record it. `beyond` is what a step took less what
model and tool took. For the cards: wall time, and what the data folder and the process grew by.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.composition import ActorSystem, builder
from actors.runtime.local import LocalRuntime
from benchmarks.worktree import source
from events import Recorded
from events.ids import Provider, run_stream
from events.run import ModelCalled, RunFailed, RunStarted, RunSucceeded, ToolUsed
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.llm.protocol import ToolCall
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.private_dirs import size
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.wire.script import Behaviour, Received

WORKSPACE = "default"
TOOLS: dict[str, dict[str, Any]] = {
    "file_read": {"path": "d1/f1.py", "lines": 5},
    "file_write": {"path": "d1/new.py"},
    "run_command": {"command": "true"},
}


class Script:
    """So many calls of one tool, each a little different, and then the end."""

    def __init__(self) -> None:
        self.tool, self.steps = "file_read", 0

    def __call__(self, received: Received) -> Behaviour:
        number = sum(turn["role"] == "assistant" for turn in received.body["messages"])
        if number >= self.steps:
            return Behaviour(tool_calls=(ToolCall(id="end", name="finish", arguments={"summary": "Done."}),))
        arguments = dict(TOOLS[self.tool])
        match self.tool:
            case "file_read":
                arguments["first_line"] = number + 1
            case "file_write":
                arguments["content"] = f"x = {number}\n"
            case "run_command":
                arguments["command"] = f"echo {number} >> log.txt"
        return Behaviour(tool_calls=(ToolCall(id=f"c{number}", name=self.tool, arguments=arguments),))


class Bench:
    def __init__(self, folder: Path, files: int) -> None:
        self.folder, self.theirs = folder, folder / "theirs"
        self.theirs.mkdir()
        source(self.theirs, files)
        self.script = Script()
        self.settings = Settings(data=folder / "data", repo_roots=[folder], resend_s=5)

    async def run(self, steps: int, cards: int) -> None:
        with FakeVendors() as vendors:
            vendors.default(self.script)
            environ = vendors.environ(Provider.ANTHROPIC) | {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
            runtime = LocalRuntime(builder(self.settings, environ))
            system = ActorSystem(self.settings, runtime)
            self.log = LogClient(system.log(WORKSPACE), WORKSPACE)
            self.dispatcher = Dispatcher(self.log, now)
            await system.open(WORKSPACE)
            try:
                await self._measure(steps, cards)
            finally:
                await runtime.shutdown()

    async def _measure(self, steps: int, cards: int) -> None:
        project = (await self._send(CreateProject(name="Bench", repo=str(self.theirs)))).id
        for tool in TOOLS:
            self.script.tool, self.script.steps = tool, min(steps, 99)
            [run_id] = await self._done(project, 1)
            whole, model, used = _times(await self.log.read(run_stream(run_id)))
            beyond = [step - one - two for step, one, two in zip(whole, model, used, strict=True)]
            print(
                f"{tool:>12}: step {statistics.median(whole):6.1f} ms, of it model {statistics.median(model):5.1f}, "
                f"tool {statistics.median(used):5.1f}, beyond {statistics.median(beyond):5.1f} "
                f"(95 % of them below {sorted(beyond)[int(len(beyond) * 0.95)]:.1f})"
            )
        self.script.tool, self.script.steps = "file_write", 10
        before = size(self.settings.data), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.perf_counter()
        await self._done(project, cards)
        took = time.perf_counter() - begun
        disk = (size(self.settings.data) - before[0]) / 1024**2
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before[1]) / 1024
        print(f"{cards} cards of 11 steps at once: {took:.1f} s, {disk:.0f} MiB of disk, {memory:.0f} MiB of memory")

    async def _send(self, command: Any) -> Any:
        return await self.dispatcher.dispatch(Origin(WORKSPACE, "user:local", new_id("cor")), command)

    async def _done(self, project: str, cards: int) -> Sequence[str]:
        position = await self.log.head()
        for number in range(cards):
            await self._send(SubmitTask(project_id=project, title=f"Card {number}", role="developer", review="human"))
        ended: list[str] = []
        while len(ended) < cards:
            polled = await self.log.poll(position, 1_000, 10, (RunSucceeded.TOPIC, RunFailed.TOPIC))
            position = polled.position
            for one in polled.events:
                if isinstance(one.event, RunFailed):
                    raise SystemExit(one.event.reason)
                ended += [one.event.run_id] if isinstance(one.event, RunSucceeded) else []
        return ended


def _times(run: Sequence[Recorded]) -> tuple[list[float], list[float], list[float]]:
    """Of each step with a tool, in milliseconds: from record to record, the model's part and the tool's."""
    whole, model, used = [], [], []
    latency, last = 0.0, _last(run, RunStarted)
    for one in run:
        if isinstance(one.event, ModelCalled):
            latency = one.event.latency_ms
        elif isinstance(one.event, ToolUsed) and one.event.name in TOOLS:
            whole.append((one.recorded_at - last).total_seconds() * 1_000)
            model.append(latency)
            used.append(float(one.event.duration_ms))
            last = one.recorded_at
    # The first one pays for the worktree.
    return whole[1:], model[1:], used[1:]


def _last(run: Sequence[Recorded], kind: type) -> datetime:
    return next(one.recorded_at for one in run if isinstance(one.event, kind))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=90)
    parser.add_argument("--cards", type=int, default=12)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        asyncio.run(Bench(Path(folder), asked.files).run(asked.steps, asked.cards))


if __name__ == "__main__":
    main()
