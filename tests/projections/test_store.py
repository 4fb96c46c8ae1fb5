from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from events.ids import TaskState
from projections import ReadStore, Runner
from projections.board import Board, board, card
from projections.engine.store import StoreReader
from projections.registry import Registry, agents
from tests.projections.counter import COUNTS, Counter
from tests.projections.story import Story
from vapora.database import Database, Place
from vapora.errors import StoreFaultError, UnavailableError


def test_half_a_row_is_refused(store: ReadStore) -> None:
    with store.transaction() as transaction, pytest.raises(ValueError, match="notes"):
        transaction.prepare(Counter())
        transaction.rows(Counter()).put(COUNTS, {"id": "x", "n": 1})


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    store = ReadStore(path)
    Runner(store, [Counter()])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    store.close()


def test_a_file_that_holds_no_read_models_is_left_as_it_is_and_may_be_deleted(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"something else, of more than a hundred bytes, which a database's head would have" * 3)
    before = path.read_bytes()
    for use in (lambda: ReadStore(path), lambda: StoreReader(path).snapshot().__enter__()):
        with pytest.raises(StoreFaultError, match="not a database") as caught:
            use()
        assert "delete it: it is built again from the log" in caught.value.remedy
    assert path.read_bytes() == before
    path.unlink()
    ReadStore(path).close()


def test_a_file_that_cannot_be_written_is_told_with_a_remedy(path: Path) -> None:
    path.mkdir(parents=True)  # as good as a file without rights, which root has always
    with pytest.raises(StoreFaultError, match="cannot be used") as caught:
        ReadStore(path)
    assert "writable" in caught.value.remedy


def test_a_reader_in_another_thread_sees_one_moment_while_the_writer_goes_on(place: Place, store: ReadStore) -> None:
    runner = Runner(store, [Board()])
    story = Story().submit("t-1")
    runner.apply(story.log)
    reader = StoreReader(place)
    seen: list[tuple[int, int]] = []

    def look() -> None:
        with reader.snapshot() as rows:
            seen.append((rows.position, len(board(rows, None, rows.position).columns["todo"])))

    with reader.snapshot() as rows:
        assert card(rows, "t-2") is None
        runner.apply(story.submit("t-2").log)
        assert (card(rows, "t-2"), rows.position) == (None, 2)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [(4, 2)]
    reader.close()


def test_a_reader_cannot_write_and_one_without_a_store_says_what_to_do(place: Place, store: ReadStore) -> None:
    Runner(store, [Registry()])
    reader = StoreReader(place)
    with pytest.raises(UnavailableError), reader.snapshot() as rows:
        rows._connection.execute("DELETE FROM checkpoints")
    with reader.snapshot() as rows:
        assert agents(rows) == ()
    reader.close()
    with pytest.raises(UnavailableError), StoreReader(_nowhere(place)).snapshot():
        pass


def test_what_was_read_may_be_changed_without_changing_what_is_stored(store: ReadStore) -> None:
    with store.transaction() as transaction:
        transaction.prepare(Counter())
        rows = transaction.rows(Counter())
        rows.put(COUNTS, {"id": "x", "n": 1, "notes": []})
        row = rows.get(COUNTS, ("x",))
        assert row is not None
        row["n"] = 2
        assert rows.get(COUNTS, ("x",)) == {"id": "x", "n": 1, "notes": [], "position": 0}


def test_a_deleted_row_is_gone_also_before_it_was_written(store: ReadStore) -> None:
    with store.transaction() as transaction:
        transaction.prepare(Counter())
        rows = transaction.rows(Counter())
        rows.put(COUNTS, {"id": "x", "n": 1, "notes": []})
        assert len(rows.select(COUNTS)) == 1
        rows.delete(COUNTS, ("x",))
        assert (rows.get(COUNTS, ("x",)), rows.select(COUNTS)) == (None, [])


def test_states_are_stored_as_the_words_of_the_interface(store: ReadStore) -> None:
    runner = Runner(store, [Board()])
    runner.apply(Story().submit("t-1").log)
    assert runner.frames_after(0)[0]["rows"][0]["row"]["state"] == TaskState.TODO.value


def _nowhere(place: Place) -> Place:
    return Database(place.url, "vapora_nowhere_read") if isinstance(place, Database) else place.with_name("no.db")
