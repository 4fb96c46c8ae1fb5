"""How far each projection has come, in which generation of its tables, and what stopped it. Kept beside the rows.

A generation is one building of a projection from the first event on. The live one is read; another one may grow beside
it, and takes its place when it has caught up: so a rebuild costs nobody a moment without rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from projections.engine.base import Projection, Table
from projections.engine.sql import Session

CREATE = """CREATE TABLE IF NOT EXISTS checkpoints (
    projection TEXT NOT NULL, generation BIGINT NOT NULL, live BIGINT NOT NULL, frozen BIGINT NOT NULL,
    fingerprint TEXT NOT NULL, tables TEXT NOT NULL, position BIGINT NOT NULL, switched_at BIGINT,
    failed_position BIGINT, failed_topic TEXT, failed_error TEXT, PRIMARY KEY (projection, generation))"""
_COLUMNS = (
    "projection, generation, live, frozen, fingerprint, tables, position, switched_at, "
    "failed_position, failed_topic, failed_error"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a projection stands still: the event that it could not take."""

    position: int
    topic: str
    error: str

    def __str__(self) -> str:
        return f"{self.position} {self.topic}: {self.error}"


@dataclass(frozen=True, slots=True)
class ProjectionPosition:
    """All events up to `position` are in the rows of this generation.

    `frozen`: it has tables that today's code does not know, and stays as it is until the next generation takes over.
    `switched_at`: the position at which it took over, as long as those who look on have yet to be told what differed.
    """

    position: int
    failure: Failure | None = None
    generation: int = 0
    frozen: bool = False
    switched_at: int | None = None
    fingerprint: str = ""
    # Table → what it looks like.
    tables: Mapping[str, tuple[str, ...]] | None = None

    @property
    def healthy(self) -> bool:
        return self.failure is None and not self.frozen


def lowest(checkpoints: Mapping[str, ProjectionPosition]) -> int:
    """How far every healthy projection has come; where none is healthy, how far all have."""
    healthy = [checkpoint.position for checkpoint in checkpoints.values() if checkpoint.healthy]
    return min(healthy or [checkpoint.position for checkpoint in checkpoints.values()], default=0)


class Positions(NamedTuple):
    """By projection: the generations that are read, and those that grow beside them to take their place."""

    live: dict[str, ProjectionPosition]
    beside: dict[str, ProjectionPosition]


def load(connection: Session) -> Positions:
    """Both at once: who wants the one mostly asks for the other next, and a statement is a round trip to a server."""
    found = Positions({}, {})
    for row in connection.execute(f"SELECT {_COLUMNS} FROM checkpoints"):  # noqa: S608
        (found.live if row[2] else found.beside)[row[0]] = _checkpoint(row)
    return found


def insert(connection: Session, projection: Projection, generation: int, live: bool) -> None:
    tables = json.dumps({table.name: list(table.columns) for table in projection.TABLES})
    connection.execute(
        f"INSERT INTO checkpoints ({_COLUMNS}) VALUES (?, ?, ?, 0, ?, ?, 0, NULL, NULL, NULL, NULL)",  # noqa: S608
        (projection.NAME, generation, int(live), projection.fingerprint, tables),
    )


def save(connection: Session, name: str, generation: int, position: int, failure: Failure | None) -> None:
    """Also says that whoever looks on has been told of a switch."""
    at = (None, None, None) if failure is None else (failure.position, failure.topic, failure.error)
    connection.execute(
        "UPDATE checkpoints SET position = ?, switched_at = NULL, "
        "failed_position = ?, failed_topic = ?, failed_error = ? WHERE projection = ? AND generation = ?",
        (position, *at, name, generation),
    )


def save_all(connection: Session, names: Sequence[str], position: int) -> None:
    """As `save`, for live generations that have all come to one position."""
    marks = ", ".join("?" * len(names))
    connection.execute(
        "UPDATE checkpoints SET position = ?, switched_at = NULL, "  # noqa: S608
        "failed_position = NULL, failed_topic = NULL, failed_error = NULL "
        f"WHERE live = 1 AND position < ? AND projection IN ({marks})",
        (position, position, *names),
    )


def freeze(connection: Session, name: str, frozen: bool) -> None:
    connection.execute("UPDATE checkpoints SET frozen = ? WHERE projection = ? AND live = 1", (int(frozen), name))


def switch(connection: Session, name: str, generation: int) -> None:
    """This generation is the live one from now on."""
    connection.execute("DELETE FROM checkpoints WHERE projection = ? AND generation <> ?", (name, generation))
    connection.execute("UPDATE checkpoints SET live = 1, switched_at = position WHERE projection = ?", (name,))


def next_generation(connection: Session, name: str) -> int:
    found = connection.execute("SELECT MAX(generation) FROM checkpoints WHERE projection = ?", (name,)).fetchone()
    return int(found[0] or 0) + 1


def forget(connection: Session, name: str, generation: int) -> None:
    connection.execute("DELETE FROM checkpoints WHERE projection = ? AND generation = ?", (name, generation))
    connection.execute("DELETE FROM moments WHERE projection = ? AND generation = ?", (name, generation))


def tables_of(checkpoint: ProjectionPosition) -> list[Table]:
    """The tables that hold its rows: those of the code that made them, which today's may not know."""
    known = checkpoint.tables or {}
    return [
        Table(name, (), dict.fromkeys(columns, "text")).of(checkpoint.generation) for name, columns in known.items()
    ]


def _checkpoint(row: Sequence[object]) -> ProjectionPosition:
    _, generation, _, frozen, fingerprint, tables, position, switched_at, at, topic, error = row
    return ProjectionPosition(
        position=int(str(position)),
        failure=None if at is None else Failure(int(str(at)), str(topic), str(error)),
        generation=int(str(generation)),
        frozen=bool(frozen),
        switched_at=None if switched_at is None else int(str(switched_at)),
        fingerprint=str(fingerprint),
        tables=_tables(str(tables)),
    )


@lru_cache(maxsize=256)
def _tables(text: str) -> Mapping[str, tuple[str, ...]]:
    return {name: tuple(columns) for name, columns in json.loads(text).items()}
