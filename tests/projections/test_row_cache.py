"""Whatever a batch does to rows, and however little of them it has seen before, is as if they were all in memory."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import pytest

from events import task
from projections import MemoryRows, Projection, ReadStore, Rows, Runner, Table
from projections.engine.base import Handler
from tests.projections.story import Story, dump

# Of all kinds of columns, with a key of two kinds.
THINGS = Table(
    "things",
    key=("name", "number"),
    columns={"name": "text", "number": "int", "notes": "json", "weight": "real", "maybe": "text"},
)
PLAIN = Table("plain", key=("id",), columns={"id": "text", "n": "int"})
ODD = ["", "a\0b", "\1", "\1\2", "é", "𝄞", "'; DROP", "100%", "?"]


class Busy(Projection):
    """Each event does some dozens of things to rows, drawn from what its title says."""

    NAME = "busy"
    VERSION = 1
    TABLES: ClassVar[tuple[Table, ...]] = (THINGS, PLAIN)
    HANDLERS: ClassVar[dict[Any, Handler]] = {task.TaskSubmitted: lambda recorded, event, rows: None}

    def apply(self, recorded: Any, rows: Rows) -> None:
        dice = random.Random(recorded.event.title)
        for _ in range(60):
            _one_of_things(dice, rows)
            _one_of_plain(dice, rows)
        if recorded.event.title.endswith("7"):
            # What it sees itself, kept so that it is compared as well.
            seen = [len(rows.select(THINGS)), len(rows.select(PLAIN, {"n": 1}))]
            rows.put(THINGS, {"name": "seen", "number": 0, "notes": seen, "weight": 1, "maybe": None})


def _one_of_things(dice: random.Random, rows: Rows) -> None:
    key = (dice.choice([*ODD, "b", "c"]), dice.randrange(-2, 4))
    row = rows.get(THINGS, key)
    if row is not None and dice.random() < 0.5:
        rows.delete(THINGS, key)
        return
    notes = [] if row is None else [*row["notes"], dice.choice(ODD)][-3:]
    weight = dice.choice([None, 1, 0.5, -(10**12)])
    maybe = dice.choice([None, *ODD])
    rows.put(THINGS, {"name": key[0], "number": key[1], "notes": notes, "weight": weight, "maybe": maybe})


def _one_of_plain(dice: random.Random, rows: Rows) -> None:
    # So many that they are never all fetched, and some that are.
    key = (f"p-{dice.randrange(3_000)}",)
    if dice.random() < 0.2:
        rows.delete(PLAIN, key)
    else:
        row = rows.get(PLAIN, key) or {"id": key[0], "n": 2**40}
        rows.put(PLAIN, {**row, "n": row["n"] - 2**40 + dice.randrange(3)})


@pytest.mark.parametrize("size", [1, 7, 100])
def test_rows_are_the_same_as_in_memory_however_the_log_is_cut(size: int, store: ReadStore) -> None:
    story = Story()
    for number in range(100):
        story.submit(f"t-{number}", title=f"{size} {number}")
    runner = Runner(store, [Busy()])
    for start in range(0, len(story.log), size):
        runner.apply(story.log[start : start + size])
    assert runner.status()["failed"] == {}
    with store.snapshot() as rows:
        stored = dump(rows, [Busy()])
    assert stored == dump(MemoryRows().fold(Busy(), story.log), [Busy()])
    assert len(stored["things"]) > 20 and len(stored["plain"]) > 1_000


class Failing(Busy):
    """Fails at one event, after all that the others did."""

    def apply(self, recorded: Any, rows: Rows) -> None:
        super().apply(recorded, rows)
        if recorded.event.title == "poison":
            raise KeyError("cannot take it")


def test_a_batch_that_fails_leaves_the_rows_of_what_came_before_and_nothing_else(store: ReadStore) -> None:
    story = Story()
    for number in range(40):
        story.submit(f"t-{number}", title="poison" if number == 30 else f"{number}")
    runner = Runner(store, [Failing()])
    runner.apply(story.log[:10])
    runner.apply(story.log[10:])
    assert runner.status()["checkpoints"]["busy"] == story.log[29].position
    with store.snapshot() as rows:
        stored = dump(rows, [Failing()])
    assert stored == dump(MemoryRows().fold(Busy(), story.log[:30]), [Busy()])
