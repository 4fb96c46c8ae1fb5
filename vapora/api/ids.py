"""What a short id stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query

from projections.board_waiting import CARDS
from projections.engine.base import Reader, Row, Table
from projections.projects import PROJECTS
from projections.registry import AGENTS
from projections.runs import RUNS
from vapora.api.context import Cursor, FreshCell, Limit
from vapora.api.pages import page_of
from vapora.views import IdKind, Named, Page

router = APIRouter(tags=["system"])

_MOST = 20
# The kind, its rows, what its ids begin with, and the columns with its id and with what people know it by.
_KINDS: tuple[tuple[IdKind, Table, str, str, str], ...] = (
    ("task", CARDS, "task-", "id", "title"),
    ("project", PROJECTS, "project-", "id", "name"),
    ("run", RUNS, "task-", "run_id", "task_id"),
    ("agent", AGENTS, "", "id", "name"),
)


@router.get("/ids", summary="Find what a short id stands for")
async def list_ids(
    cell: FreshCell,
    prefix: Annotated[
        str,
        Query(
            description="How the id begins, with or without `task-` or `project-`.",
            pattern=r"^[a-z0-9][a-z0-9.-]*$",
            max_length=80,
            examples=["3f2a"],
        ),
    ],
    kind: Annotated[IdKind | None, Query(description="Of this kind only.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[Named]:
    """At most 20 of each kind. An id that is given whole stands for itself alone."""
    found = await cell.read(lambda rows: _found(rows, prefix, kind))
    return page_of(found, lambda one: f"{one.kind}/{one.id}", limit, cursor)


def _found(rows: Reader, prefix: str, kind: IdKind | None) -> tuple[Named, ...]:
    found = [
        Named(kind=name, id=row[key], name=row[known_by])
        for name, table, common, key, known_by in _KINDS
        if kind in (None, name)
        for row in _beginning(rows, table, key, dict.fromkeys((prefix, common + prefix)))
    ]
    whole = tuple(one for one in found if one.id == prefix)
    return whole or tuple(found)


def _beginning(rows: Reader, table: Table, key: str, prefixes: dict[str, None]) -> Iterator[Row]:
    for prefix in prefixes:
        exact = rows.get(table, (prefix,))
        behind = rows.select(table, order=(key,), after=(prefix,), limit=_MOST)
        for row in [*([exact] if exact else []), *behind]:
            # A removed agent keeps its row.
            if row[key].startswith(prefix) and not row.get("removed"):
                yield row
