"""Causes: those that people recorded, and those that were found in the log."""

from __future__ import annotations

from projections.engine.base import Reader, Row, Where
from projections.knowledge import RELATIONS
from vapora.errors import BadInputError
from vapora.views import RelationView


def relation(rows: Reader, relation_id: str) -> RelationView | None:
    row = rows.get(RELATIONS, (relation_id,))
    return None if row is None or row["removed"] else view(row)


def relations(
    rows: Reader, where: dict[str, str | int], limit: int, cursor: str | None = None
) -> tuple[tuple[RelationView, ...], str | None]:
    """The newest first, and the cursor of what follows. Raises `BadInputError` for a cursor that names none."""
    after = None
    if cursor is not None:
        last = rows.get(RELATIONS, (cursor,))
        if last is None:
            raise BadInputError(
                "This cursor names no relation.", remedy="Start without one.", field="cursor", where="query"
            )
        after = (last["at"], last["id"])
    all_of: Where = {**where, "removed": 0}
    found = rows.select(RELATIONS, all_of, order=("-at", "-id"), limit=limit + 1, after=after)
    more = found[limit - 1]["id"] if len(found) > limit else None
    return tuple(map(view, found[:limit])), more


def view(row: Row) -> RelationView:
    fields = {name: row[name] for name in RelationView.model_fields}
    return RelationView.model_validate({**fields, "simulated": bool(row["simulated"])})
