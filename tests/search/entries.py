"""Entries for tests, and a shorter way to put them in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from vapora.domain.search import Entry
from vapora.search import Drop, IndexWriter, Put

TODAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(id_: str, title: str = "", text: str = "", **more: object) -> Entry:
    """`days`: how old it is."""
    at = TODAY - timedelta(days=int(str(more.pop("days", 0))))
    fields = {"kind": "task", "project_id": "p1", "at": at, **more}
    return Entry(id=id_, title=title, text=text, **fields)  # type: ignore[arg-type]


def put(writer: IndexWriter, *entries: Entry, position: int = 0) -> None:
    with writer.batch(str) as batch:
        for one in entries:
            batch.apply(Put(one))
        if position:
            batch.reach(position, f"event {position}")


def drop(writer: IndexWriter, ids: Iterable[str], kind: str = "task") -> None:
    with writer.batch(str) as batch:
        for id_ in ids:
            batch.apply(Drop(kind, id_))
