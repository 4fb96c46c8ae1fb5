"""Readers while one generation of a read model takes the place of another: they see the one or the other, whole."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from events import task
from projections import Projection, ReadStore, Rebuild, Rows, Runner, Table
from projections.engine.base import Handler
from projections.engine.store import StoreReader
from tests.projections.story import Story
from vapora.database import Database, Place

SWITCHES = 40
THREADS = 3
# Two tables that a reader looks at one after the other: rows of two generations would not agree.
LEFT = Table("left_marks", key=("id",), columns={"id": "text", "mark": "int"})
RIGHT = Table("right_marks", key=("id",), columns={"id": "text", "mark": "int"})


class One(Projection):
    """Writes which code it was into each row."""

    NAME = "marks"
    VERSION = 1
    TABLES: ClassVar[tuple[Table, ...]] = (LEFT, RIGHT)

    HANDLERS: ClassVar[dict[Any, Handler]] = {task.TaskSubmitted: lambda recorded, event, rows: None}

    def apply(self, recorded: Any, rows: Rows) -> None:
        for table in self.TABLES:
            rows.put(table, {"id": recorded.event.task_id, "mark": self.VERSION})


class Two(One):
    VERSION = 2


def told() -> Story:
    story = Story()
    for number in range(20):
        story.submit(f"t-{number}")
    return story


def look(reader: StoreReader) -> str:
    """One request of a replica: the checkpoint, a row, a list, and a sum, which must be of one code."""
    with reader.snapshot() as rows:
        code = rows.checkpoints()["marks"].fingerprint.partition(":")[0]
        left = rows.select(LEFT)
        one = rows.get(RIGHT, ("t-7",))
        [total] = rows.group(RIGHT, (), ("mark",))
        right = rows.select(RIGHT)
    assert one is not None
    marks = {row["mark"] for row in (*left, one, *right)}
    assert marks == {int(code)}, f"{marks} where code {code} stands"
    assert (len(left), len(right), total["mark"]) == (20, 20, 20 * int(code))
    return code


def look_until(reader: StoreReader, over: threading.Event) -> Tally[str]:
    seen = Tally[str]()
    while not over.is_set():
        seen[look(reader)] += 1
    return seen


def look_as_told(said: list[str]) -> str:
    """In another process, until its input ends."""
    reader = StoreReader(Path(said[0]) if len(said) == 1 else Database(*said))
    over = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    print("looking", flush=True)
    seen = look_until(reader, over)
    reader.close()
    return f"{seen['1']} {seen['2']}"


_CHILD = "import sys; from tests.projections import test_switch as t; print(t.look_as_told(sys.argv[1:]))"


@pytest.mark.timeout(900)
def test_a_reader_sees_one_generation_or_the_other_and_never_an_error(place: Place, store: ReadStore) -> None:
    story = told()
    Runner(store, [One()]).apply(story.log)
    reader, over = StoreReader(place), threading.Event()
    given = [str(place)] if isinstance(place, Path) else [place.url, place.schema]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *given],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ,
    )  # fmt: skip
    try:
        assert child.stdout is not None and child.stdout.readline() == "looking\n"
        with ThreadPoolExecutor(THREADS) as threads:
            looking = [threads.submit(look_until, reader, over) for _ in range(THREADS)]
            for number in range(SWITCHES):
                rebuild = Rebuild.begin(store, Two() if number % 2 == 0 else One())
                for start in (0, 10):
                    rebuild.feed(story.log[start : start + 10], story.log[start + 9].position)
                assert rebuild.switch()
            over.set()
            seen = [one.result() for one in looking]
        out, _ = child.communicate(timeout=240)
    finally:
        over.set()
        child.kill()
        child.communicate()
        reader.close()
    assert child.returncode == 0
    seen.append(Tally(dict(zip("12", map(int, out.split()), strict=True))))
    # Each saw both, many times over.
    assert all(one["1"] and one["2"] for one in seen), seen
    print(f"{SWITCHES} switches; looks: {seen}")


def test_a_column_may_have_another_type_in_the_next_generation(store: ReadStore) -> None:
    class Before(One):
        NAME = "typed"
        TABLES: ClassVar[tuple[Table, ...]] = (Table("typed", key=("id",), columns={"id": "text", "mark": "real"}),)

    class After(Before):
        VERSION = 2
        TABLES: ClassVar[tuple[Table, ...]] = (Table("typed", key=("id",), columns={"id": "text", "mark": "text"}),)

        def apply(self, recorded: Any, rows: Rows) -> None:
            rows.put(self.TABLES[0], {"id": recorded.event.task_id, "mark": "a text"})

    story = told()
    Runner(store, [Before()]).apply(story.log)
    Runner(store, [After()])
    [rebuild] = Rebuild.pending(store, [After()])
    rebuild.feed(story.log, story.position)
    assert rebuild.switch()
    with store.snapshot() as rows:
        assert {row["mark"] for row in rows.select(After.TABLES[0])} == {"a text"}
