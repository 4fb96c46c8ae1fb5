"""The statements that keep rows for looks into the past, in the dialect that SQLite and PostgreSQL share."""

# ruff: noqa: S608  # the names in these statements are those of tables in this room; values are always bound

from __future__ import annotations

from functools import cache

from projections.engine.base import Key, Table
from projections.engine.sql import Dialect, Session, column_list, create_statements, quoted

CREATE_MOMENTS = """CREATE TABLE IF NOT EXISTS moments (
    projection TEXT NOT NULL, generation BIGINT NOT NULL, position BIGINT NOT NULL,
    PRIMARY KEY (projection, generation, position))"""
# Until further notice; and until the next moment, of rows that were deleted since the last one.
_OPEN = 2**62
_GONE = 2**61

Statement = tuple[str, Key]


@cache
def past_of(stored: Table) -> Table:
    """Versions of its rows: each holds from the moment `since` on, before the moment `until`."""
    columns = {**stored.columns, "since": "int", "until": "int"}
    return Table(f"{stored.name}__past", (*stored.key, "since"), columns, (*stored.indexes, ("since",), ("until",)))


def create(stored: Table, dialect: Dialect) -> list[str]:
    return create_statements(past_of(stored), public=False, dialect=dialect)


def moments(connection: Session, name: str, generation: int) -> list[int]:
    found = connection.execute(
        "SELECT position FROM moments WHERE projection = ? AND generation = ? ORDER BY position", (name, generation)
    )
    return [position for (position,) in found]


@cache
def mark_gone(stored: Table) -> str:
    """For `Session.for_keys`: these rows are being deleted. Looking for such rows at a moment would mean to look at all
    there are."""
    name = quoted(past_of(stored).name)
    return f'UPDATE {name} SET "until" = {_GONE} WHERE +"until" = {_OPEN} AND '


def keep(stored: Table, before: int, moment: int) -> list[Statement]:
    """End the versions of rows that were changed or deleted after the moment `before`, and begin the new ones."""
    past = past_of(stored)
    name, now = quoted(past.name), quoted(stored.name)
    same = " AND ".join(f"past.{quoted(column)} = now.{quoted(column)}" for column in stored.key)
    columns = column_list([*stored.columns, "position"])
    end = f'UPDATE {name} SET "until" = ?'
    # CROSS, and the +, which hides an index: SQLite is to begin with the few that changed, and not with all the
    # versions that hold.
    changed = (
        f"SELECT {column_list([*stored.key, 'since'], 'past')} FROM {now} AS now CROSS JOIN {name} AS past "
        f'WHERE now."position" > ? AND {same} AND +past."until" = ?'
    )
    return [
        (f"{end} WHERE ({column_list([*stored.key, 'since'])}) IN ({changed})", (moment, before, _OPEN)),
        (f'{end} WHERE "until" = ?', (moment, _GONE)),
        (
            f'INSERT INTO {name} ({columns}, "since", "until") SELECT {columns}, ?, ? FROM {now} WHERE "position" > ?',
            (moment, _OPEN, before),
        ),
    ]


def drop_between(stored: Table, before: int, after: int) -> list[Statement]:
    """Versions that held at no moment but those strictly between these two, which follow each other from now on."""
    name = quoted(past_of(stored).name)
    return [(f'DELETE FROM {name} WHERE "since" > ? AND "since" < ? AND "until" <= ?', (before, after, after))]
