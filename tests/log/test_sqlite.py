"""What the file on disk adds to the contract: restarts, fencing, crashes, and folders that refuse."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from events.task import TaskApproved
from tests.disk import no_file_grows_beyond
from tests.log.conftest import START, MakeRequest, MovableClock
from vapora.errors import FencedError, LogError
from vapora.log import mapper
from vapora.log.plan import MAX_EVENT_BYTES
from vapora.log.sqlite.connections import Datastore, connect
from vapora.log.sqlite.log import Recorder, SQLiteLog
from vapora.records import Append, Appended, Conflict, Encoded, StreamAppend


def test_a_log_opened_again_goes_on_where_it_was(path: Path, make: MakeRequest, clock: MovableClock) -> None:
    first = SQLiteLog.open(path, "acme", clock)
    request = make(("task:1", 0, 2))
    first.append([request])
    first.close()
    clock.move(-86_400)
    second = SQLiteLog.open(path, "acme", clock)
    assert second.append([request, make(("task:1", 1, 1)), make(("task:1", 2, 1))]) == [
        Appended((1, 2)),
        Conflict("task:1", 2),
        Appended((3,)),
    ]
    assert mapper.recorded_at(second.after(2)[0]) == START
    second.close()


def test_the_log_is_readable_to_its_owner_alone(path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    log.append([make(("a", 0, 1))])
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {
        "log.sqlite": 0o600,
        "log.sqlite-wal": 0o600,
        "log.sqlite-shm": 0o600,
    }
    log.close()


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(path: Path) -> None:
    datastore = Datastore(path)
    path.parent.mkdir()
    with datastore.transaction(commit=False) as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone()[0] == 2  # FULL
    with closing(connect(str(path))) as connection:  # the writer's own
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    with datastore.transaction(commit=False) as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone()[0] == "wal"
    datastore.close()


def test_a_second_writer_fences_off_the_first(path: Path, make: MakeRequest) -> None:
    first = SQLiteLog.open(path, "acme")
    first.append([make(("a", 0, 1))])
    second = SQLiteLog.open(path, "acme")
    with pytest.raises(FencedError, match="taken over"):
        first.append([make(("a", 1, 1))])
    assert second.append([make(("a", 1, 2))]) == [Appended((2, 3))]
    with pytest.raises(FencedError):
        first.append([make(("b", 0, 1))])
    with pytest.raises(FencedError):
        first.ensure_current()
    second.ensure_current()
    assert [record.position for record in second.after(0)] == [1, 2, 3]
    first.close()
    second.close()


def test_a_log_written_before_there_was_a_chain_gets_one_and_keeps_its_events(path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    log.append([make(("a", 0, 1_200), ("b", 0, 3))])
    chained, records = log.scan(None, 2_000), log.after(0, 2_000)
    log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE stored_events DROP COLUMN digest")
        connection.execute("UPDATE writer SET format = 1")
    connection.close()
    old = SQLiteLog.open_for_reading(path)
    assert old.after(0, 2_000) == records
    old.close()
    again = SQLiteLog.open(path, "acme")
    assert again.scan(None, 2_000) == chained
    assert again.append([make(("b", 3, 1))]) == [Appended((1_204,))]
    again.close()


def test_a_log_of_another_workspace_is_refused(path: Path) -> None:
    SQLiteLog.open(path, "acme").close()
    with pytest.raises(LogError, match="belongs to the workspace 'acme'"):
        SQLiteLog.open(path, "evil")


def test_a_log_of_a_newer_format_is_refused(path: Path) -> None:
    SQLiteLog.open(path, "acme").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE writer SET format = 99")
    connection.close()
    with pytest.raises(LogError, match="format 99"):
        SQLiteLog.open(path, "acme")
    with pytest.raises(LogError, match="format 99"):
        SQLiteLog.open_for_reading(path)


def test_a_tool_reads_beside_the_writer_and_leaves_it_in_its_place(path: Path, make: MakeRequest) -> None:
    with pytest.raises(LogError, match="no log at"):
        SQLiteLog.open_for_reading(path)
    writer = SQLiteLog.open(path, "acme")
    writer.append([make(("a", 0, 1))])
    tool = SQLiteLog.open_for_reading(path)
    assert writer.append([make(("a", 1, 1))]) == [Appended((2,))]
    assert [record.position for record in tool.after(0)] == [1, 2]
    with pytest.raises(LogError, match="for reading only"):
        tool.append([make(("b", 0, 1))])
    tool.close()
    writer.close()


def test_a_log_is_whole_as_soon_as_its_file_is_there(path: Path) -> None:
    """A reader may come at any moment while many logs are made: it finds no file, or a log."""
    stop = threading.Event()
    faults: list[LogError] = []

    def read(one: Path) -> None:
        while not stop.is_set():
            if one.exists():
                try:
                    SQLiteLog.open_for_reading(one).close()
                except LogError as error:
                    faults.append(error)

    for number in range(20):
        one = path.with_name(f"{number}.db")
        reading = threading.Thread(target=read, args=(one,))
        reading.start()
        SQLiteLog.open(one, "acme").close()
        stop.set()
        reading.join()
        stop.clear()
    assert faults == []
    assert [one.name for one in path.parent.iterdir() if "new" in one.name] == []


def test_the_librarys_own_methods_work_on_the_table(path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    log.append([make(("a", 0, 2), ("b", 0, 1))])
    recorder = Recorder(Datastore(path), path)
    assert [event.originator_version for event in recorder.select_events("a", gt=1)] == [2]
    found = recorder.select_notifications(2, 10, topics=["task.approved"])
    assert [(n.id, n.originator_id, n.originator_version) for n in found] == [(2, "a", 2), (3, "b", 1)]
    assert [n.id for n in recorder.select_notifications(2, 10, inclusive_of_start=False)] == [3]
    assert [n.id for n in recorder.select_notifications(None, 1)] == [1]
    assert recorder.max_notification_id() == 3
    event = StoredEvent("c", 1, "task.approved", b"{}")
    with pytest.raises(LogError, match="for reading only"):
        recorder.insert_events([event])
    recorder.take_over("acme")
    assert recorder.insert_events([event]) == [4]
    recorder.close()
    log.close()


def test_a_file_that_is_no_database_is_refused_with_a_remedy_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"Dear diary, " * 1_000)
    with pytest.raises(LogError, match=r"not a database.*move it away"):
        SQLiteLog.open(path, "acme")
    assert path.read_bytes().startswith(b"Dear diary")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cell").write_text("")
    with pytest.raises(LogError, match="cannot be used"):
        SQLiteLog.open(tmp_path / "cell" / "log.sqlite", "acme")


def test_a_folder_that_may_not_be_written_is_refused_with_a_remedy() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        # In a process of its own: root may write anywhere, and cannot give that up for a moment only in a thread.
        done = _run(_READ_ONLY, folder)
        assert done.stdout.strip() == "refused with a remedy", done.stderr


_READ_ONLY = """
import os, sys
from pathlib import Path
from vapora.errors import LogError
from vapora.log.sqlite import SQLiteLog
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    SQLiteLog.open(Path(sys.argv[1]) / "log.sqlite", "acme")
except LogError as error:
    print("refused with a remedy" if "writable for this user" in error.remedy else error)
"""


def test_a_full_disk_refuses_the_append_and_keeps_all_that_was_acknowledged(path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    assert log.append([make(("a", 0, 1))]) == [Appended((1,))]
    request = make(("a", 1, 50), ("b", 0, 50))
    with no_file_grows_beyond(16_384), pytest.raises(LogError, match="cannot be used") as caught:
        log.append([request])
    assert "next append tries again" in caught.value.remedy
    with no_file_grows_beyond(4_096), pytest.raises(LogError, match="cannot be used"):
        log.ensure_writable()
    log.ensure_writable()
    assert [record.position for record in log.after(0)] == [1]
    assert log.append([request]) == [Appended(tuple(range(2, 102)))]
    log.close()
    again = SQLiteLog.open(path, "acme")
    assert len(again.after(0)) == 101
    again.close()


def test_inserts_of_many_times_16_mb_do_not_hang(path: Path) -> None:
    log = SQLiteLog.open(path, "acme")
    big = Encoded("task.approved", 1, b'{"task_id":"t","comment":"%b"}' % (b"x" * (MAX_EVENT_BYTES - 100)))
    for number, events in enumerate((1, 4)):
        request = Append(f"req-{number}", "anna", "cor", None, (StreamAppend(f"s{number}", 0, (big,) * events),))
        [appended] = log.append([request])
        assert isinstance(appended, Appended)
        assert len(log.read(f"s{number}")[-1].state) > MAX_EVENT_BYTES - 100
    log.close()


def test_kill_9_in_mid_append_loses_nothing_acknowledged_and_a_retry_doubles_nothing(path: Path) -> None:
    acknowledged: dict[str, tuple[int, ...]] = {}
    for acks in (40, 150):
        child = subprocess.Popen([sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for line in child.stdout:
            request_id, *positions = line.split()
            acknowledged[request_id] = tuple(int(position) for position in positions)
            if len(acknowledged) == acks:
                child.send_signal(signal.SIGKILL)
                break
        # What it said before it died counts too.
        for line in child.stdout:
            request_id, *positions = line.split()
            if len(positions) == 3:
                acknowledged[request_id] = tuple(int(position) for position in positions)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
    log = SQLiteLog.open(path, "acme")
    written = Counter(mapper.request_id(record) for record in log.after(0, 10_000))
    assert set(written.values()) == {3}
    assert acknowledged.keys() <= written.keys()
    head = log.head()
    answers = log.append([numbered(number) for number in range(len(written) + 1)])
    for number, answer in enumerate(answers[:-1]):
        assert isinstance(answer, Appended)
        assert acknowledged.get(f"req-{number}", answer.positions) == answer.positions
    assert log.head() == head + 3
    log.close()


def numbered(number: int) -> Append:
    event = mapper.encode(TaskApproved(task_id="t", comment=str(number)))
    return Append(
        f"req-{number}",
        "anna",
        "cor",
        None,
        (StreamAppend("run", number * 2, (event, event)), StreamAppend("ledger", number, (event,))),
    )


_CHILD = """
import sys
from itertools import count
from pathlib import Path
from tests.log.test_sqlite import numbered
from vapora.log.sqlite import SQLiteLog
from vapora.records import Appended
log = SQLiteLog.open(Path(sys.argv[1]), "acme")
for first in count(len(log.read("ledger")), 3):
    numbers = range(first, first + 3)
    for number, answer in zip(numbers, log.append([numbered(number) for number in numbers])):
        print(f"req-{number}", *answer.positions, flush=True)
"""


def _run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def _children_see_the_same_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))


# Step by step: begin, look where the log ends, each row, commit.
@pytest.mark.parametrize(("events", "steps"), [(1, 1), (64, 1), (65, 68)])
def test_a_commit_is_one_statement_unless_it_is_large(events: int, steps: int, path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    log.append([make(("a", 0, 1))])
    with _traced(log) as statements:
        assert log.append([make(("b", 0, events))]) == [Appended(tuple(range(2, events + 2)))]
    assert len(statements) == steps
    assert [record.version for record in log.read("b")] == list(range(1, events + 1))
    log.close()


def test_a_commit_of_many_bytes_is_made_step_by_step(path: Path, make: MakeRequest) -> None:
    log = SQLiteLog.open(path, "acme")
    log.append([make(("a", 0, 1))])
    large = Encoded("task.approved", 1, b'{"x":"%b"}' % (b"x" * 600_000))
    with _traced(log) as statements:
        log.append([Append("r", "anna", "cor", None, (StreamAppend("b", 0, (large, large)),))])
    assert statements[0] == "BEGIN IMMEDIATE"
    assert [len(record.state) > 600_000 for record in log.read("b")] == [True, True]
    log.close()


@contextmanager
def _traced(log: SQLiteLog) -> Iterator[list[str]]:
    """What the writer's own connection is told meanwhile."""
    statements: list[str] = []
    recorder = log._store
    assert isinstance(recorder, Recorder)
    assert recorder._own is not None
    recorder._own.set_trace_callback(statements.append)
    yield statements
    recorder._own.set_trace_callback(None)
