"""A log of each kind, an append in one line, and a clock that goes where it is put."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from events.task import TaskApproved
from vapora.log import mapper
from vapora.log.event_log import EventLog
from vapora.log.memory import MemoryLog
from vapora.log.postgres import PostgresLog
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, StreamAppend

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MakeRequest = Callable[..., Append]


class MovableClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cell" / "log.sqlite"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def log(request: pytest.FixtureRequest, path: Path, clock: MovableClock) -> Iterator[EventLog]:
    opened: EventLog
    if request.param == "memory":
        opened = MemoryLog("acme", clock)
    elif request.param == "sqlite":
        opened = SQLiteLog.open(path, "acme", clock)
    else:
        opened = PostgresLog.open(request.getfixturevalue("database"), "acme", clock)
    yield opened
    opened.close()


@pytest.fixture
def make() -> MakeRequest:
    """`make(("task:1", 0, 2), …)`: an append of two events to the new stream task:1."""
    numbers = count(1)

    def _make(*streams: tuple[str, int, int], request_id: str | None = None) -> Append:
        number = next(numbers)
        return Append(
            request_id=request_id or f"req-{number}",
            actor="anna",
            correlation=f"cor-{number}",
            causation=None,
            streams=tuple(
                StreamAppend(
                    stream,
                    expected,
                    tuple(
                        mapper.encode(TaskApproved(task_id=stream, comment=f"{number}.{event}"))
                        for event in range(events)
                    ),
                )
                for stream, expected, events in streams
            ),
        )

    return _make
