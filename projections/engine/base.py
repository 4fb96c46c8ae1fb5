"""What every read model is made of: tables, rows, and a pure fold from events to rows.

A projection sees the event and its own rows, nothing else: no clock, no I/O. So it gives the same rows however
often and in whatever batches the log is fed to it, and over SQLite as in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, ClassVar, Literal, Protocol

from events import DomainEvent, Recorded, Unknown
from vapora.errors import NewerEventError

ColumnType = Literal["text", "int", "real", "json"]
Scalar = str | int | float | None
Key = tuple[Scalar, ...]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Between:
    """From `low` on (None: without end) to `high`, both included."""

    low: str | int | None = None
    high: str | int | None = None


@dataclass(frozen=True, slots=True)
class Contains:
    """A part of a text. Case counts: who does not want it to keeps the text in small letters."""

    part: str


# A scalar must be equal, a tuple must contain the value.
Condition = Scalar | tuple[Scalar, ...] | Between | Contains
Where = Mapping[str, Condition]


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """`columns` includes those of `key`; `position` (of the last event that changed the row) comes by itself.

    A `json` column holds lists, string-keyed dicts and scalars only (a tuple would come back as a list).

    `of_project`: the column that says which project a row belongs to. Left out, it is `project_id` or `project`, where
    there is such a column; empty: its rows belong to no project, or to several.
    """

    name: str
    key: tuple[str, ...]
    columns: Mapping[str, ColumnType]
    indexes: tuple[tuple[str, ...], ...] = ()
    of_project: str = ""
    expected: frozenset[str] = field(init=False)
    stored: frozenset[str] = field(init=False)
    key_of: Callable[[Mapping[str, Any]], Key] = field(init=False)

    def __post_init__(self) -> None:
        unknown = {*self.key, *(name for index in self.indexes for name in index)} - {*self.columns, "position"}
        if unknown or "position" in self.columns:
            raise ValueError(f"table {self.name}: {sorted(unknown) or 'position'} cannot stand there")
        of_project = self.of_project or next((name for name in ("project_id", "project") if name in self.columns), "")
        object.__setattr__(self, "of_project", of_project)
        object.__setattr__(self, "expected", frozenset(self.columns))
        object.__setattr__(self, "stored", frozenset((*self.columns, "position")))
        object.__setattr__(self, "key_of", _keys(self.key))

    def check(self, row: Mapping[str, Any]) -> None:
        """Half a row would read as one that lost its other half."""
        if row.keys() != self.stored and row.keys() != self.expected:
            wrong = sorted((row.keys() - {"position"}) ^ self.expected)
            raise ValueError(f"a row of {self.name} lacks or does not know {', '.join(wrong)}")

    @property
    def shape(self) -> str:
        return f"{self.name}{self.key}{dict(self.columns)}{self.indexes}"

    def of(self, generation: int) -> Table:
        """The table that holds its rows in this generation of its projection."""
        return _generation(self, generation)


def _keys(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Key]:
    if len(names) > 1:
        return itemgetter(*names)  # which of one name makes no tuple
    return lambda row: tuple([row[name] for name in names])


@lru_cache(maxsize=1_000)
def _generation(table: Table, generation: int) -> Table:
    return Table(f"{table.name}__{generation}", table.key, table.columns, table.indexes)


class LoggedEvent(Protocol):
    """An event on its way to the projections: its envelope is at hand, the event itself may still be sealed."""

    @property
    def position(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def correlation(self) -> str: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def is_known(self) -> bool: ...
    def open(self) -> Recorded: ...


class Reader(Protocol):
    """Rows to look at. They are values: never change one in place."""

    def get(self, table: Table, key: Key) -> Row | None: ...

    def select(
        self,
        table: Table,
        where: Where | None = None,
        order: Sequence[str] = (),
        limit: int | None = None,
        after: Key | None = None,
    ) -> list[Row]:
        """Rows in the `order` of these columns (`-name`: descending), by key where none is given.

        `after`: values of the order's columns, which then all run one way; the rows that come after them.
        """
        ...

    def group(self, table: Table, by: Sequence[str], sums: Sequence[str], where: Where | None = None) -> list[Row]:
        """The `sums` over the rows that agree in `by`, in the order of `by`."""
        ...


class Rows(Reader, Protocol):
    """A projection's own rows while an event is applied."""

    def put(self, table: Table, row: Row) -> None:
        """Insert or replace. A row that does not differ from what is there does not count as a change.

        It is given away: whoever puts it does not touch it any more. A million copies would take as long as the rest.
        """
        ...

    def add(self, table: Table, row: Row) -> None:
        """Put a row whose key cannot have been there before: nobody has to look."""
        ...

    def delete(self, table: Table, key: Key) -> None: ...


Handler = Callable[[Recorded, Any, Rows], None]
# A row as the world sees it; None: not public.
Shape = Callable[[Row], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class PublicView:
    """A table whose changes `/live` pushes as `{view, key, operation, row}`."""

    name: str
    table: Table
    shape: Shape
    # Whether the row says that what it stood for is gone.
    removed: Callable[[Row], bool] = lambda row: False

    def change(self, row: Row) -> dict[str, Any] | None:
        """`vapora.views.Change` as JSON; None: not public."""
        shaped = self.shape(row)
        if shaped is None:
            return None
        key = "/".join(map(str, self.table.key_of(row)))
        return {"view": self.name, "key": key, "operation": "remove" if self.removed(row) else "put", "row": shaped}


class Projection:
    """A read model. `NAME`, its checkpoint key, never changes; another `VERSION`, or other tables, mean a rebuild.

    `TOPICS`, those of its handlers, are all that it is shown: what nobody wants is never decoded. None: everything.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    TABLES: ClassVar[tuple[Table, ...]]
    VIEWS: ClassVar[tuple[PublicView, ...]] = ()
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]]
    TOPICS: ClassVar[frozenset[str] | None]
    # Whether its rows are kept as they were at certain moments, for looks into the past.
    KEEPS_HISTORY: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "HANDLERS" in vars(cls) and "TOPICS" not in vars(cls):
            cls.TOPICS = frozenset(kind.TOPIC for kind in cls.HANDLERS)

    def take(self, entry: LoggedEvent, rows: Rows) -> None:
        """An event of its topics, still sealed."""
        self.apply(entry.open(), rows)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        """`NewerEventError` for an event of a topic that it needs, in a form that nobody here can read."""
        handler = self.HANDLERS.get(type(recorded.event))
        if handler is not None:
            handler(recorded, recorded.event, rows)
        elif isinstance(recorded.event, Unknown) and recorded.topic in self.topics:
            raise NewerEventError.at(recorded.position, recorded.event.why)

    @cached_property
    def topics(self) -> frozenset[str]:
        """Those that it needs. Whatever else stands in the log does not concern it, known or unknown."""
        return frozenset(kind.TOPIC for kind in self.HANDLERS)

    @property
    def fingerprint(self) -> str:
        """Changes whenever stored rows could not be read any more, even if somebody forgot to raise `VERSION`."""
        # With its topics: a version that did not know one passed it by, and the rows lack it until they are rebuilt.
        topics = hashlib.sha256(" ".join(sorted(self.topics)).encode()).hexdigest()[:8]
        return f"{self.VERSION}:{self.shape}:{topics}"

    @property
    def shape(self) -> str:
        """Rows of another version can still be read as long as this is the same."""
        shapes = "\n".join(table.shape for table in self.TABLES)
        return hashlib.sha256(shapes.encode()).hexdigest()[:12]


# One event's instant is asked for by many rows.
@lru_cache(maxsize=64)
def format_instant(at: datetime) -> str:
    """UTC with microseconds always written out: such texts sort as the instants do."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="microseconds")


def day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def frames(changes: Iterable[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """(position, change) → `{position, rows: [change]}`, one for each position, ascending."""
    grouped: dict[int, list[dict[str, Any]]] = {}
    for position, change in changes:
        grouped.setdefault(position, []).append(change)
    return [{"position": position, "rows": grouped[position]} for position in sorted(grouped)]
