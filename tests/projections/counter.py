"""The smallest projection that can go wrong: it counts submitted tasks, and two titles upset it."""

from __future__ import annotations

from typing import Any, ClassVar

from events import task
from projections import Projection, ReadStore, Rows, Table
from projections.engine.base import Handler, PublicView

COUNTS = Table("counts", key=("id",), columns={"id": "text", "n": "int", "notes": "json"})


def _count(recorded: Any, event: task.TaskSubmitted, rows: Rows) -> None:
    if event.title == "poison":
        raise KeyError("cannot take it")
    row = rows.get(COUNTS, ("all",)) or {"id": "all", "n": 0, "notes": []}
    # A set is no JSON: nobody notices before it is written.
    note = {1} if event.title == "unstorable" else event.title
    rows.put(COUNTS, {"id": "all", "n": row["n"] + 1, "notes": [*row["notes"], note]})


class Counter(Projection):
    NAME = "counter"
    VERSION = 1
    TABLES: ClassVar[tuple[Table, ...]] = (COUNTS,)
    VIEWS: ClassVar[tuple[PublicView, ...]] = (PublicView("count", COUNTS, lambda row: {"n": row["n"]}),)
    HANDLERS: ClassVar[dict[Any, Handler]] = {task.TaskSubmitted: _count}


def count(store: ReadStore) -> int:
    with store.snapshot() as rows:
        row = rows.get(COUNTS, ("all",))
    return 0 if row is None else int(row["n"])
