"""What the two engines have in common: tables, statements with `?` for values, and transactions.

An index has *generations*: each has tables of its own, one is looked at, and another may grow beside it until it takes
its place. Nothing here is kept that the log and the repositories could not give again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from vapora.domain.search import Allowed
from vapora.errors import SearchFormError
from vapora.search.texts import Match, Wanted, WordLines

# Changes with every change of the tables, or of how texts become words: what is there of another form is never read.
FORM: Final = "search:2"
# So many of the newest that hold all of what was looked for are ranked; of a word that stands in more of them it says
# little, and the older ones would cost each answer its time.
MOST_RANKED: Final = 2_000

GENERATIONS: Final = """CREATE TABLE IF NOT EXISTS generations (
    number BIGINT PRIMARY KEY, form TEXT NOT NULL, position BIGINT NOT NULL, event TEXT NOT NULL, live INT NOT NULL)"""
# Vectors that a provider was paid for, by its model and what they are of: no generation's, so that an index which is
# built anew pays for none of them again.
PAID: Final = """CREATE TABLE IF NOT EXISTS paid_vectors (
    model TEXT NOT NULL, digest TEXT NOT NULL, vector {blob} NOT NULL, PRIMARY KEY (model, digest))"""
# {g}: the generation's number. `at`: seconds since 1970.
TABLES: Final = (
    """CREATE TABLE entries_{g} (
    number {serial}, kind TEXT NOT NULL, id TEXT NOT NULL, project_id TEXT NOT NULL, task_id TEXT NOT NULL,
    at {real} NOT NULL, link TEXT NOT NULL, position BIGINT NOT NULL, source TEXT NOT NULL, UNIQUE (kind, id))""",
    "CREATE INDEX entries_{g}_project ON entries_{g} (project_id, kind)",
    "CREATE TABLE texts_{g} (number BIGINT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL)",
    # The word that is empty stands in each entry: how many there are is not counted for every question.
    "CREATE TABLE words_{g} (word TEXT PRIMARY KEY, stem TEXT NOT NULL, entries BIGINT NOT NULL)",
    "CREATE INDEX words_{g}_stem ON words_{g} (stem)",
    "CREATE TABLE grams_{g} (gram TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (gram, word))",
    "CREATE TABLE heads_{g} (project_id TEXT PRIMARY KEY, head TEXT NOT NULL)",
    "CREATE TABLE models_{g} (name TEXT PRIMARY KEY, dims INT NOT NULL, entries BIGINT NOT NULL, live INT NOT NULL, "
    "data {blob} NOT NULL, changes BIGINT NOT NULL)",
    "CREATE TABLE vectors_{g} (number BIGINT NOT NULL, model TEXT NOT NULL, change BIGINT NOT NULL, "
    "vector {blob} NOT NULL, PRIMARY KEY (model, number))",
    "CREATE INDEX vectors_{g}_change ON vectors_{g} (model, change)",
)
NAMES: Final = ("entries", "texts", "words", "grams", "heads", "models", "vectors")


# Which one is looked at.
LIVE: Final = "SELECT number, form, position FROM generations WHERE live = 1"


class Ask(NamedTuple):
    """A statement, and its values."""

    statement: str
    values: Sequence[Any] = ()


class Rows(Protocol):
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    @property
    def rowcount(self) -> int: ...


class Session(Protocol):
    """One connection, used by one thread at a time."""

    # Column types, and how bm25's kin is to be read.
    types: dict[str, str]

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows: ...
    def ask(self, asked: Sequence[Ask], *, last: bool = False) -> list[list[Any]]:
        """The rows of each of them, in one round trip: none may need the answer of another. `last`: the transaction
        ends with it."""
        ...

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None: ...
    def begin(self) -> None:
        """To write."""

    def look(self) -> Any:
        """All that is asked from here on is of one moment; the row of `LIVE`, None where there is none."""

    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def make_text(self, g: int) -> None:
        """The table of full text."""

    def drop_text(self, g: int) -> None: ...
    def put_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None: ...
    def drop_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None:
        """`rows`: with the words that they were put with."""

    def match(self, g: int, wanted: Wanted, visible: tuple[str, list[Any]]) -> tuple[list[Match], list[Match]]:
        """The newest entries that are `visible`, hold all groups and none that is unwanted; and where those are fewer
        than `enough`, the newest of which the same is true but that they hold only some, which may name both."""
        ...

    def among(self, column: str, values: Iterable[str]) -> tuple[str, list[Any]]:
        """A condition, and its values."""
        ...


class Engine(Protocol):
    def writer(self) -> Session: ...
    def reader(self) -> Session:
        """Raises `UnavailableError` where there is no index yet."""
        ...


def visible(session: Session, allowed: Allowed) -> tuple[str, list[Any]]:
    """The condition on `e`, the entries, that leaves nothing but what may be seen."""
    conditions: list[str] = []
    values: list[Any] = []
    by_projects: dict[frozenset[str] | None, list[str]] = {}
    for kind, projects in allowed.items():
        if projects is None or projects:
            by_projects.setdefault(projects, []).append(kind)
    for projects, kinds in by_projects.items():
        condition, among = session.among("e.kind", kinds)
        values += among
        if projects is not None:
            further, ids = session.among("e.project_id", sorted(projects))
            condition, values = f"{condition} AND {further}", values + ids
        conditions.append(f"({condition})")
    return (f"({' OR '.join(conditions)})" if conditions else "(1 = 0)"), values


class Generation(NamedTuple):
    number: int
    # How far the log has been gone along.
    position: int


def look(session: Session) -> Generation:
    """Begins to read. Raises `SearchFormError`."""
    row = session.look()
    if row is None or row[1] != FORM:
        raise SearchFormError(
            f"The search index has the form {row[1] if row else 'none'!r}, and this version of VAPORA reads {FORM!r}.",
            remedy="It is built anew when the workspace starts under this version; or run `vapora rebuild search`.",
        )
    return Generation(int(row[0]), int(row[2]))


def counting(g: int) -> Ask:
    """How many entries there are, for `counted`."""
    return Ask(f"SELECT entries FROM words_{g} WHERE word = ''")


def counted(rows: Sequence[Any]) -> int:
    return int(rows[0][0]) if rows else 0


def count(session: Session, g: int) -> int:
    [rows] = session.ask([counting(g)])
    return counted(rows)


def make(session: Session, g: int) -> None:
    for statement in TABLES:
        session.execute(statement.format(g=g, **session.types))
    session.make_text(g)


def drop(session: Session, g: int) -> None:
    session.drop_text(g)
    for name in NAMES:
        session.execute(f"DROP TABLE IF EXISTS {name}_{g}")
