"""What somebody does to a log behind its writer's back stops the writer, in a file as in a database."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.log.conftest import START, MakeRequest
from tests.log.stored import Stored
from tests.log.test_postgres import until, waiting
from vapora.database import Place
from vapora.errors import CorruptLogError, FencedError
from vapora.log.places import open_log
from vapora.log.proof import CheckpointBook, SigningKey
from vapora.log.store import ChainBrokenError
from vapora.records import Appended


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    where: Place = request.getfixturevalue("database") if request.param == "postgres" else path
    return where


INSERT = "INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)"


def row(position: int, stream: str, state: bytes) -> tuple[object, ...]:
    """What a program that knows nothing of epochs and digests would write."""
    return position, stream, 1, "task.approved", state, bytes(32)


def test_a_log_that_somebody_else_wrote_to_takes_no_more_appends(place: Place, make: MakeRequest) -> None:
    log = open_log(place, "acme")
    log.append([make(("a", 0, 1))])
    Stored(place).ask(INSERT, row(2, "b", log.after(0)[0].state))
    for _ in range(2):  # and not at the second try either
        with pytest.raises(CorruptLogError, match=r"behind its writer's back.*audit verify"):
            log.append([make(("c", 0, 2))])
    assert log.head() == 2
    log.close()
    again = open_log(place, "acme")
    with pytest.raises(CorruptLogError, match="at position 2, does not follow"):
        again.append([make(("c", 0, 2))])
    again.close()


@pytest.mark.parametrize("column", ["digest", "position"])
def test_nothing_is_appended_behind_an_end_that_was_changed(column: str, place: Place, make: MakeRequest) -> None:
    log = open_log(place, "acme")
    log.append([make(("a", 0, 6))])
    Stored(place).flip(column, 6, 5)
    before = log.scan(None)
    for _ in range(2):
        with pytest.raises(ChainBrokenError, match="behind its writer's back"):
            log.append([make(("a", 6, 1))])
    assert log.scan(None) == before
    log.close()


def test_a_log_whose_last_events_were_deleted_beside_its_writer_takes_no_more_appends(
    place: Place, make: MakeRequest
) -> None:
    log = open_log(place, "acme")
    log.append([make(("a", 0, 2))])
    Stored(place).change("DELETE FROM stored_events WHERE position = 2")
    with pytest.raises(CorruptLogError, match="ends at position 1"):
        log.append([make(("b", 0, 1))])
    log.close()


def test_a_file_whose_last_events_were_deleted_between_two_starts_takes_no_more_appends(
    path: Path, make: MakeRequest
) -> None:
    log = open_log(path, "acme")
    log.append([make(("a", 0, 2))])
    log.close()
    Stored(path).change("DELETE FROM stored_events WHERE position = 2")
    log = open_log(path, "acme")
    with pytest.raises(CorruptLogError, match="ends at position 1 and what stood after it is gone"):
        log.append([make(("b", 0, 1))])
    log.close()


def test_what_was_deleted_between_two_starts_is_missed_by_whoever_signed_it(
    place: Place, make: MakeRequest, tmp_path: Path
) -> None:
    """In a database nothing else tells of it."""
    book = CheckpointBook(tmp_path / "checkpoints.jsonl", "acme", SigningKey.open(tmp_path / "key"))
    log = open_log(place, "acme")
    log.append([make(("a", 0, 2))])
    book.sign(log.tip(), datetime.now(UTC))
    log.close()
    Stored(place).change("DELETE FROM stored_events WHERE position = 2")
    with closing(open_log(place, "acme")) as again, pytest.raises(CorruptLogError, match="position 2 is missing"):
        book.require_whole(again)


@contextmanager
def holding(place: Place) -> Iterator[Any]:
    """A transaction that no append gets past."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield other
        return
    with place.connect() as other:
        other.execute(f'SET search_path TO "{place.schema}"'.encode())
        other.execute("BEGIN")
        other.execute("SELECT * FROM writer FOR UPDATE")
        yield other


@pytest.mark.parametrize("what", ["another writer", "an event"])
def test_what_happens_while_an_append_waits_for_its_turn_stops_it(what: str, place: Place, make: MakeRequest) -> None:
    asked = threading.Event()

    def clock() -> datetime:
        asked.set()
        return START

    log = open_log(place, "acme", clock)
    log.append([make(("a", 0, 1))])
    state = log.after(0)[0].state
    asked.clear()
    with holding(place) as other, ThreadPoolExecutor(1) as thread:
        appending = thread.submit(log.append, [make(("b", 0, 1))])
        asked.wait()
        if not isinstance(place, Path):
            until(lambda: waiting(place) == 1)
        if what == "an event":
            marks = "?, ?, ?, ?, ?, ?" if isinstance(place, Path) else "%s, %s, %s, %s, %s, %s"
            other.execute(f"INSERT INTO stored_events VALUES ({marks})", row(2, "c", state))
        else:
            other.execute("UPDATE writer SET epoch = epoch + 1")
        other.execute("COMMIT")
        with pytest.raises(CorruptLogError if what == "an event" else FencedError):
            appending.result()
    assert log.head() == (2 if what == "an event" else 1)
    log.close()


def test_a_writer_that_was_replaced_writes_not_one_event_more(place: Place, make: MakeRequest) -> None:
    """Whatever the first does once the second has its epoch is refused: the second sees the whole log, at once."""
    first = open_log(place, "acme")
    answers: list[Appended] = []
    started, going = threading.Event(), True

    def go_on() -> None:
        version = 0
        while going:
            [answer] = first.append([make(("a", version, 1))])
            assert isinstance(answer, Appended)
            answers.append(answer)
            version += 1
            started.set()

    with ThreadPoolExecutor(1) as thread:
        appending = thread.submit(go_on)
        started.wait()
        second = open_log(place, "acme")
        head = second.head()
        # At most one more: the one that had its answer coming when the epoch was taken has it by now.
        with pytest.raises(FencedError):
            appending.result(timeout=30)
        going = False
    assert [answer.positions for answer in answers] == [(position,) for position in range(1, head + 1)]
    assert second.head() == head
    assert second.append([make(("b", 0, 1))]) == [Appended((head + 1,))]
    first.close()
    second.close()
