"""A log of any size, as a busy team would write it: 17 events a task, 6 of them in the ledger.

The events of one task are made and encoded once; for every other task only its id is put in. So a million events cost
half a minute, most of it SQLite's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from events import DomainEvent
from events.ids import LEDGER, agent_stream, run_stream, task_stream
from events.task import TaskCompleted
from tests.projections.story import WORKSPACE, Story
from vapora.log import encode
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, Encoded, StreamAppend

# As long as a real id, and no other text of the events.
_TASK = "task-000000000000"
_RUN = f"{_TASK}.1"
_TASKS_A_COMMIT = 100
EVENTS_A_TASK = 17


class GeneratedLog:
    """Writes whole tasks, all of them done; goes on where it stopped."""

    def __init__(self, path: Path) -> None:
        self._log = SQLiteLog.open(path, WORKSPACE)
        self._task, self._run, self._ledger = _template()
        self._tasks = 0
        agent = Story().register("developer", capacity=10).log[0].event
        self._log.append([_append("agent", StreamAppend(agent_stream("developer"), 0, (encode(agent),)))])

    def write_until(self, events: int) -> None:
        """Until the log holds about so many events."""
        wanted = max(events // EVENTS_A_TASK, self._tasks + 1)
        while self._tasks < wanted:
            count = min(_TASKS_A_COMMIT, wanted - self._tasks)
            self._log.append(list(self._next(count)))
            self._tasks += count

    def reopen(self, path: Path) -> None:
        """After others have written nothing to it."""
        self._log = SQLiteLog.open(path, WORKSPACE)

    @property
    def ledger_events(self) -> int:
        return self._tasks * len(self._ledger)

    def close(self) -> int:
        """The head."""
        head = self._log.head()
        self._log.close()
        return head

    def _next(self, count: int) -> Iterator[Append]:
        for number in range(self._tasks, self._tasks + count):
            name = f"task-{number:012}"
            parts = (
                StreamAppend(task_stream(name), 0, _put(self._task, name)),
                StreamAppend(run_stream(f"{name}.1"), 0, _put(self._run, name)),
                StreamAppend(LEDGER, number * len(self._ledger), _put(self._ledger, name)),
            )
            yield _append(name, *parts)


def _template() -> tuple[list[Encoded], list[Encoded], list[Encoded]]:
    story = Story().submit(_TASK, description="x" * 200).assign(_RUN)
    for step in range(3):
        story.call(f"{_RUN}/{step}")
    story.succeed(_RUN).tell(TaskCompleted(task_id=_TASK, run_id=_RUN))
    rooms: dict[str, list[DomainEvent]] = {}
    for one in story.log:
        rooms.setdefault(one.topic.partition(".")[0].replace("routing", "run"), []).append(one.event)
    task, run, ledger = ([encode(event) for event in rooms[room]] for room in ("task", "run", "budget"))
    return task, run, ledger


def _put(events: list[Encoded], name: str) -> tuple[Encoded, ...]:
    old, new = _TASK.encode(), name.encode()
    return tuple([Encoded(topic, version, data.replace(old, new)) for topic, version, data in events])


def _append(name: str, *parts: StreamAppend) -> Append:
    return Append(f"req-{name}", "bench", f"cor-{name}", None, parts)
