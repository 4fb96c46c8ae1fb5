"""How large the board is over HTTP and how long it takes, with many cards in one column; and what one card's life sends
to everybody who watches.

    PYTHONPATH=. python -m benchmarks.board [cards [characters]]        # 10000 cards of 300 unless said otherwise
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
from pydantic_core import to_json

from benchmarks.past import Archive
from benchmarks.synthetic import WORKSPACE
from events.ids import project_stream
from events.project import ProjectCreated
from events.task import TaskCompleted
from projections.board import Board
from projections.engine.runner import Runner
from projections.engine.store import ReadStore
from projections.projects import Projects
from tests.projections.story import Story
from vapora.api.app import create_app
from vapora.log import encode
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, StreamAppend
from vapora.settings import Settings

_ASKED = 7


def _write(settings: Settings, story: Story) -> None:
    settings.read_file(WORKSPACE).parent.mkdir(parents=True, exist_ok=True)
    runner = Runner(ReadStore(settings.read_file(WORKSPACE)), [Board(), Projects()])
    for start in range(0, len(story.log), 2_000):
        runner.apply(story.log[start : start + 2_000], frames_wanted=False)
    runner.close()
    log = SQLiteLog.open(settings.log_file(WORKSPACE), WORKSPACE)
    made = encode(ProjectCreated(project_id="p-1", name="P"))
    log.append([Append("req", "bench", "cor", None, (StreamAppend(project_stream("p-1"), 0, (made,)),))])
    log.close()


async def _ask(settings: Settings) -> None:
    archive = Archive(settings)
    await archive.writer.start()
    app = create_app(archive, settings, "0", True)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:8000", timeout=600
    ) as http:
        print("| asked | cards | kB | median of 7, ms |\n|---|---:|---:|---:|")
        for path in ("/board", "/board?project_id=p-1"):
            times: list[float] = []
            for _ in range(_ASKED):
                begun = time.perf_counter()
                answer = await http.get(f"/api/v1{path}")
                times.append(time.perf_counter() - begun)
                answer.raise_for_status()
            cards = sum(map(len, answer.json()["columns"].values()))
            median = statistics.median(times) * 1_000
            print(f"| `{path}` | {cards:,} | {len(answer.content) / 1_000:,.0f} | {median:,.0f} |", flush=True)
    await app.state.cells.close()
    await archive.writer.stop()


def _life(characters: int) -> None:
    """The frames of one card, from its submission until it is done."""
    story = Story().submit("t-1", description="x" * characters).assign("t-1.1")
    for step in range(5):
        story.call(f"t-1.1/{step}")
    story.succeed("t-1.1").tell(TaskCompleted(task_id="t-1", run_id="t-1.1"))
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(ReadStore(Path(folder) / "read.db"), [Board()])
        frames = [frame for one in story.log for frame in runner.apply([one])]
        runner.close()
    sent = len(to_json(frames)) / 1_000
    print(f"\none card of {characters:,} characters: {len(frames)} frames, {sent:,.0f} kB in all")


def main(cards: int, characters: int) -> None:
    story = Story().tell(ProjectCreated(project_id="p-1", name="P"))
    for number in range(cards):
        story.submit(f"task-{number:012}", description="x" * characters)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        _write(settings, story)
        print(f"{cards:,} cards in todo, each with a description of {characters:,} characters\n")
        asyncio.run(_ask(settings))
    _life(100_000)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*(given + [10_000, 300][len(given) :]))
