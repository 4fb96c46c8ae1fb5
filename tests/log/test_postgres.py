"""What PostgreSQL adds to the contract: restarts, fencing, lost connections, and what a server may be set to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from tests.log.conftest import START, MakeRequest, MovableClock
from tests.log.test_sqlite import numbered
from tests.postgres import Server
from tests.proxy import Proxy
from vapora.database import Database, log_schema, workspaces
from vapora.errors import FencedError, LogError
from vapora.log import mapper
from vapora.log.places import open_for_reading, open_log
from vapora.log.plan import MAX_EVENT_BYTES
from vapora.log.postgres.log import PostgresLog, Recorder
from vapora.records import Append, Appended, Conflict, Encoded, StreamAppend


def execute(database: Database, statement: str) -> list[tuple[object, ...]]:
    """What an administrator would do."""
    with database.connect() as connection:
        cursor = connection.execute(statement.replace("log.", f'"{database.schema}".').encode())
        return cursor.fetchall() if cursor.description else []


def test_a_log_opened_again_goes_on_where_it_was(database: Database, make: MakeRequest, clock: MovableClock) -> None:
    first = PostgresLog.open(database, "acme", clock)
    request = make(("task:1", 0, 2))
    first.append([request])
    first.close()
    clock.move(-86_400)
    second = PostgresLog.open(database, "acme", clock)
    assert second.append([request, make(("task:1", 1, 1)), make(("task:1", 2, 1))]) == [
        Appended((1, 2)),
        Conflict("task:1", 2),
        Appended((3,)),
    ]
    assert mapper.recorded_at(second.after(2)[0]) == START
    second.close()


def test_a_second_writer_fences_off_the_first(database: Database, make: MakeRequest) -> None:
    first = PostgresLog.open(database, "acme")
    first.append([make(("a", 0, 1))])
    second = PostgresLog.open(database, "acme")
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


def test_a_writer_that_takes_over_while_an_append_waits_is_not_written_past(
    database: Database, make: MakeRequest
) -> None:
    old = PostgresLog.open(database, "acme")
    old.append([make(("a", 0, 1))])
    with database.connect() as taking_over, ThreadPoolExecutor(1) as thread:
        taking_over.execute("BEGIN")
        taking_over.execute(f'UPDATE "{database.schema}".writer SET epoch = epoch + 1'.encode())
        appending = thread.submit(old.append, [make(("a", 1, 1))])
        until(lambda: waiting(database) == 1)
        taking_over.execute("COMMIT")
        with pytest.raises(FencedError):
            appending.result()
    assert old.head() == 1
    old.close()


def test_starts_at_the_same_moment_make_the_tables_once_and_one_of_them_is_the_writer(
    database: Database, make: MakeRequest
) -> None:
    together = Barrier(8)

    def start(_: int) -> PostgresLog:
        together.wait()
        return PostgresLog.open(database, "acme")

    with ThreadPoolExecutor(8) as threads:
        logs = list(threads.map(start, range(8)))
    fenced = 0
    for number, log in enumerate(logs):
        try:
            log.append([make((f"a{number}", 0, 1))])
        except FencedError:
            fenced += 1
        log.close()
    assert fenced == 7
    assert execute(database, "SELECT epoch FROM log.writer") == [(8,)]


def test_a_log_of_another_workspace_is_refused_and_its_writer_stays(database: Database, make: MakeRequest) -> None:
    log = PostgresLog.open(database, "acme")
    with pytest.raises(LogError, match="belongs to the workspace 'acme'"):
        PostgresLog.open(database, "evil")
    assert log.append([make(("a", 0, 1))]) == [Appended((1,))]
    log.close()


def test_a_log_of_a_newer_format_is_refused(database: Database) -> None:
    PostgresLog.open(database, "acme").close()
    execute(database, "UPDATE log.writer SET format = 99")
    with pytest.raises(LogError, match="format 99"):
        PostgresLog.open(database, "acme")
    with pytest.raises(LogError, match="format 99"):
        PostgresLog.open_for_reading(database)
    assert execute(database, "SELECT epoch FROM log.writer") == [(1,)]


def test_a_tool_reads_beside_the_writer_and_leaves_it_in_its_place(database: Database, make: MakeRequest) -> None:
    with pytest.raises(LogError, match="no log at"):
        open_for_reading(database)
    writer = open_log(database, "acme")
    writer.append([make(("a", 0, 1))])
    tool = open_for_reading(database)
    assert writer.append([make(("a", 1, 1))]) == [Appended((2,))]
    assert [record.position for record in tool.after(0)] == [1, 2]
    with pytest.raises(LogError, match="for reading only"):
        tool.append([make(("b", 0, 1))])
    tool.close()
    writer.close()


def test_workspaces_share_a_database_and_nothing_in_it(database_url: str, make: MakeRequest) -> None:
    assert workspaces(database_url) == set()
    logs = {name: open_log(log_schema(database_url, name), name) for name in ("acme", "a-b")}
    request = make(("a", 0, 2))
    logs["acme"].append([request])
    assert (logs["acme"].head(), logs["a-b"].head()) == (2, 0)
    assert logs["a-b"].append([request]) == [Appended((1, 2))]
    assert workspaces(database_url) == {"acme", "a-b"}
    for log in logs.values():
        log.close()


def test_the_librarys_own_methods_work_on_the_table(database: Database, make: MakeRequest) -> None:
    log = PostgresLog.open(database, "acme")
    log.append([make(("a", 0, 2), ("b", 0, 1))])
    recorder = Recorder(database)
    recorder.create_table()
    assert [event.originator_version for event in recorder.select_events("a", gt=1)] == [2]
    found = recorder.select_notifications(2, 10, topics=["task.approved"])
    assert [(n.id, n.originator_id, n.originator_version) for n in found] == [(2, "a", 2), (3, "b", 1)]
    assert recorder.max_notification_id() == 3
    event = StoredEvent("c", 1, "task.approved", b"{}")
    with pytest.raises(LogError, match="for reading only"):
        recorder.insert_events([event])
    recorder.take_over("acme")
    assert recorder.insert_events([event]) == [4]
    with pytest.raises(LogError, match="Poll its writer"):
        recorder.subscribe()
    recorder.close()
    log.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE log.stored_events SET topic = 'x'", "DELETE FROM log.stored_events", "TRUNCATE log.stored_events"],
)
def test_events_are_not_changed_or_deleted_by_a_slip(database: Database, make: MakeRequest, statement: str) -> None:
    log = PostgresLog.open(database, "acme")
    log.append([make(("a", 0, 2))])
    before = log.after(0)
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        execute(database, statement)
    assert log.after(0) == before
    log.close()


@pytest.mark.parametrize("way", ["tcp", "socket"])
def test_inserts_of_many_times_16_mb_do_not_hang(postgres_server: Server, way: str) -> None:
    with postgres_server.database(way) as url:
        log = PostgresLog.open(log_schema(url, "acme"), "acme")
        big = Encoded("task.approved", 1, b'{"task_id":"t","comment":"%b"}' % (b"x" * (MAX_EVENT_BYTES - 100)))
        for number, events in enumerate((1, 4)):
            request = Append(f"req-{number}", "anna", "cor", None, (StreamAppend(f"s{number}", 0, (big,) * events),))
            [appended] = log.append([request])
            assert isinstance(appended, Appended)
            assert len(log.read(f"s{number}")[-1].state) > MAX_EVENT_BYTES - 100
        log.close()


def test_an_append_whose_confirmation_was_lost_gets_its_answer_and_is_written_once(
    database: Database, make: MakeRequest
) -> None:
    with Proxy.before(database) as proxy:
        log = PostgresLog.open(proxy.database, "acme")
        log.append([make(("a", 0, 1))])
        # The server commits, and before it can say so the connection is gone: the second try finds its own end.
        proxy.lose_answer_to(b"append_events")
        assert log.append([make(("a", 1, 2))]) == [Appended((2, 3))]
        assert proxy.lost == 1
        assert log.append([make(("a", 3, 1))]) == [Appended((4,))]
        log.close()


def test_a_connection_that_the_server_ended_is_replaced_without_anybody_noticing(
    database: Database, make: MakeRequest
) -> None:
    log = PostgresLog.open(database, "acme")
    log.append([make(("a", 0, 1))])
    for version in (1, 2):
        end_all_sessions(database)
        assert log.append([make(("a", version, 1))]) == [Appended((version + 1,))]
        end_all_sessions(database)
        assert len(log.read("a")) == version + 1
    log.close()


def test_a_server_that_is_away_is_told_with_a_remedy(database: Database, make: MakeRequest) -> None:
    with Proxy.before(database) as proxy:
        log = PostgresLog.open(proxy.database, "acme")
        proxy.close()
        with pytest.raises(LogError, match="cannot be used") as caught:
            PostgresLog.open(proxy.database, "acme")
        assert "See that PostgreSQL runs" in caught.value.remedy
        log.close()


def test_kill_9_in_mid_append_loses_nothing_acknowledged_and_a_retry_doubles_nothing(database: Database) -> None:
    acknowledged: dict[str, tuple[int, ...]] = {}
    for acks in (40, 150):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, database.url, database.schema], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for line in child.stdout:
            request_id, *positions = line.split()
            if len(positions) == 3:
                acknowledged[request_id] = tuple(int(position) for position in positions)
            if len(acknowledged) == acks:
                child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
    log = PostgresLog.open(database, "acme")
    written = Counter(mapper.request_id(record) for record in log.after(0, 10_000))
    assert set(written.values()) == {3}
    assert acknowledged.keys() <= written.keys()
    head = log.head()
    answers = log.append([numbered(number) for number in range(len(written) + 1)])
    for number, answer in enumerate(answers[:-1]):
        assert isinstance(answer, Appended)
        assert acknowledged.get(f"req-{number}", answer.positions) == answer.positions
    assert log.head() == head + 3
    assert [record.position for record in log.after(0, 10_000)] == list(range(1, head + 4))
    log.close()


_CHILD = """
import sys
from itertools import count
from tests.log.test_sqlite import numbered
from vapora.database import Database
from vapora.log.postgres import PostgresLog
log = PostgresLog.open(Database(*sys.argv[1:]), "acme")
for first in count(len(log.read("ledger")), 3):
    numbers = range(first, first + 3)
    for number, answer in zip(numbers, log.append([numbered(number) for number in numbers])):
        print(f"req-{number}", *answer.positions, flush=True)
"""


def test_a_server_that_acknowledges_early_or_isolates_otherwise_is_told_not_to(
    database_url: str, make: MakeRequest
) -> None:
    database = log_schema(database_url, "acme")
    name = execute(database, "SELECT current_database()")[0][0]
    execute(database, f"ALTER DATABASE {name} SET synchronous_commit = 'off'")
    execute(database, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    log = PostgresLog.open(database, "acme")
    assert log.append([make(("a", 0, 1))]) == [Appended((1,))]
    assert execute(database, "SELECT current_setting('synchronous_commit')") == [("on",)]
    assert execute(database, "SELECT current_setting('default_transaction_isolation')") == [("read committed",)]
    log.close()


def test_a_schema_that_an_administrator_made_needs_no_right_to_make_one(
    postgres_server: Server, database_url: str, make: MakeRequest
) -> None:
    mine = log_schema(database_url, "acme")
    with postgres_server.user(database_url) as (user, url):
        theirs = Database(url, mine.schema)
        with pytest.raises(LogError, match="permission denied") as caught:
            PostgresLog.open(theirs, "acme")
        assert "GRANT CREATE" in caught.value.remedy
        execute(mine, f'CREATE SCHEMA "{mine.schema}" AUTHORIZATION {user}')
        log = PostgresLog.open(theirs, "acme")
        assert log.append([make(("a", 0, 1))]) == [Appended((1,))]
        log.close()
        execute(mine, f'DROP SCHEMA "{mine.schema}" CASCADE')


def end_all_sessions(database: Database) -> None:
    execute(
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        f"WHERE pid <> pg_backend_pid() AND query LIKE '%{database.schema}%'",
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + 20
    while not condition():
        assert monotonic() < deadline, "it did not come to pass"


def waiting(database: Database) -> int:
    """Sessions that wait for a lock on this log."""
    found = execute(
        database,
        f"SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%{database.schema}%'",
    )
    return int(str(found[0][0]))
