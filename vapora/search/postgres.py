"""The index in a PostgreSQL schema of its own, with `tsvector`, a GIN index and no extension."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.sql import Identifier

from vapora.database import MOST_CONNECTIONS, Database, remedy
from vapora.errors import StoreFaultError, UnavailableError
from vapora.search.session import GENERATIONS, LIVE, MOST_RANKED, Ask
from vapora.search.texts import Group, Match, Wanted, WordLines

T = TypeVar("T")

# PostgreSQL's own bounds of a tsvector: positions beyond it are cut to it, and so many of one word are kept.
_LAST_POSITION = 16_383
_MOST_OF_ONE = 250
_VALUES = re.compile(r"VALUES (\((?:\?, )*\?\))")
_AT_ONCE = 500
# What stands in so large a part of all entries is found by walking them as well.
_MANY = 0.1
# Of D, C, B, A: A is a word of the title, B a whole identifier, D a word of the text; as for SQLite.
_WEIGHTS = "'{0.25, 0.25, 0.5, 1.0}'"


class PostgresSession:
    types = {"serial": "BIGSERIAL PRIMARY KEY", "real": "DOUBLE PRECISION", "blob": "BYTEA"}  # noqa: RUF012

    """It has a connection from the beginning of a transaction to its end, or for one statement alone, and none in
    between: those of a process are shared by many workspaces."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._path = Identifier(database.schema).as_string()
        self._held: psycopg.Connection[Any] | None = None

    def ask(self, asked: Sequence[Ask], *, last: bool = False) -> list[list[Any]]:
        held = self._held
        assert held is not None

        def together() -> list[list[Any]]:
            with held.pipeline():
                cursors = [self.execute(one.statement, one.values) for one in asked]
                if last:
                    self.execute("ROLLBACK")
            return [cursor.fetchall() for cursor in cursors]

        found = self._told(together)
        if last:
            self.close()
        return found

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        asked = statement.replace("?", "%s").encode() if values else statement.encode()
        held = self._held
        if held is not None:
            return self._told(lambda: held.execute(asked, list(map(_bound, values)) or None))
        self._begin("BEGIN")
        try:
            found = self.execute(statement, values)
            self.commit()
        finally:
            self.close()
        return found

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        # Not psycopg's `executemany`, whose pipeline waits for ever once the rows outgrow the socket's buffer: one
        # statement for some hundred rows, where it puts rows in.
        inserts = _VALUES.search(statement)
        if inserts is None:
            for row in rows:
                self.execute(statement, row)
            return
        before, values, after = statement[: inserts.start()], inserts[1], statement[inserts.end() :]
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            self.execute(
                f"{before}VALUES {', '.join([values] * len(some))}{after}", [one for row in some for one in row]
            )

    def begin(self) -> None:
        # Names of schemas of ours have no quotation mark in them.
        lock = f"SELECT pg_advisory_xact_lock(hashtextextended('vapora:{self._database.schema}', 0))"
        self._begin("BEGIN", lock)

    def look(self) -> Any:
        # Looking a word up in a text counts as nothing with the planner, which would rather read all texts. With that
        # forbidden it may think that a question is dear, and would compile it for longer than it takes.
        cursor = self._begin(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            f"SET LOCAL enable_seqscan TO off; SET LOCAL jit TO off; {LIVE}",
        )
        while cursor.nextset():
            pass
        return cursor.fetchone()

    def _begin(self, begin: str, then: str = "") -> psycopg.Cursor[Any]:
        """All of it in one round trip."""
        asked = f"{begin}; SET LOCAL search_path TO {self._path}; {then}".encode()
        left = MOST_CONNECTIONS
        while True:
            held = self._held = self._told(self._database.take)
            try:
                return self._told(lambda held=held: held.execute(asked))  # type: ignore[misc]
            except StoreFaultError:
                # A restart of the server breaks all connections that there are; nothing has happened yet.
                lost = held.closed
                self.close()
                if not (lost and left):
                    raise
                left -= 1

    def is_there(self, table: str) -> bool:
        """One statement, in no transaction."""

        def ask() -> bool:
            with self._database.lease() as connection:
                found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{self._path}.{table}",))
                return found.fetchone() == (True,)

        return self._told(ask)

    def commit(self) -> None:
        try:
            self.execute("COMMIT")
        finally:
            self.close()

    def rollback(self) -> None:
        held = self._held
        try:
            # The pool would do it as well, and warn of it each time.
            if held is not None and not held.closed:
                self._told(lambda: held.execute("ROLLBACK"))
        finally:
            self.close()

    def close(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._database.give(held)

    def make_text(self, g: int) -> None:
        self.execute(f"CREATE TABLE text_{g} (number BIGINT PRIMARY KEY, words tsvector NOT NULL)")
        self.execute(f"CREATE INDEX text_{g}_words ON text_{g} USING gin (words)")

    def drop_text(self, g: int) -> None:
        self.execute(f"DROP TABLE IF EXISTS text_{g}")

    def put_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None:
        for start in range(0, len(rows), 200):
            some = rows[start : start + 200]
            self.execute(
                f"INSERT INTO text_{g} SELECT number, words::tsvector FROM unnest(?::bigint[], ?::text[]) "
                "AS new (number, words)",
                ([number for number, _ in some], [_vector(lines) for _, lines in some]),
            )

    def drop_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None:
        self.execute(f"DELETE FROM text_{g} WHERE number = ANY(?)", ([number for number, _ in rows],))

    def match(self, g: int, wanted: Wanted, visible: tuple[str, list[Any]]) -> tuple[list[Match], list[Match]]:
        """In one statement: what holds some of it is looked for by the server, and only where it finds too few that
        hold all of it."""
        tables, values = _newest(g, "holds_all", wanted.groups, wanted.unwanted, visible)
        ranks, weights = _ranked(g, "holds_all", wanted.groups)
        if not wanted.is_one:
            visible = f"(SELECT COUNT(*) FROM holds_all) < ? AND {visible[0]}", [wanted.enough, *visible[1]]
            tables_of_some, values_of_some = _newest(g, "holds_some", wanted.telling, wanted.unwanted, visible)
            ranks_of_some, weights_of_some = _ranked(g, "holds_some", wanted.telling)
            tables, ranks = f"{tables}, {tables_of_some}", f"{ranks} UNION ALL {ranks_of_some}"
            values, weights = values + values_of_some, weights + weights_of_some
        matches: dict[str, list[Match]] = {"holds_all": [], "holds_some": []}
        for which, number, relevance, kind, at in self.execute(f"WITH {tables} {ranks}", values + weights).fetchall():
            matches[which].append(Match(number, max(float(relevance), 0.0), kind, at))
        return matches["holds_all"], matches["holds_some"]

    def among(self, column: str, values: Iterable[str]) -> tuple[str, list[Any]]:
        return f"{column} = ANY(?)", [list(values)]

    def _told(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except psycopg.Error as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> StoreFaultError:
        return StoreFaultError(
            f"The search index at {self._database} cannot be used: {self._database.told(error)}.", remedy=remedy(error)
        )


class Schema:
    """`vapora.search.session.Engine` on one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = Identifier(database.schema).as_string()

    def writer(self) -> PostgresSession:
        session = PostgresSession(self._database)
        try:
            if not session.is_there("generations"):
                self._make(session)
        except BaseException:
            session.close()
            raise
        return session

    def reader(self) -> PostgresSession:
        session = PostgresSession(self._database)
        try:
            if not session.is_there("generations"):
                raise UnavailableError(
                    "There is no search index of this workspace yet.",
                    remedy="It is made when the workspace runs; ask again in a moment.",
                )
        except BaseException:
            session.close()
            raise
        return session

    def _make(self, session: PostgresSession) -> None:
        session.begin()
        # An administrator may have made the schema: then no right to make one is needed.
        found = session.execute("SELECT 1 FROM pg_namespace WHERE nspname = ?", (self._database.schema,))
        if not found.fetchone():
            session.execute(f"CREATE SCHEMA {self._name}")
        session.execute(GENERATIONS)
        session.commit()


def _vector(lines: WordLines) -> str:
    """As PostgreSQL writes one: each word with where it stands, and what part of the text that is. Between the parts
    there is room, so that no phrase reaches over."""
    places: dict[str, list[str]] = {}
    at = 0
    for words, weight in ((lines.title, "A"), (lines.wholes, "B"), (lines.body, "")):
        for word in words:
            at = min(at + 1, _LAST_POSITION)
            known = places.setdefault(word, [])
            if len(known) < _MOST_OF_ONE and (not known or at < _LAST_POSITION):
                known.append(f"{at}{weight}")
        at += 1
    return " ".join(f"'{word}':{','.join(known)}" for word, known in places.items())


def _newest(
    g: int, which: str, groups: Sequence[Group], unwanted: Sequence[Group], visible: tuple[str, list[Any]]
) -> tuple[str, list[Any]]:
    """Those of the newest that hold all groups, or `some` of them, as a table of that name; with its values."""
    every = which == "holds_all"
    asked = f"({(' & ' if every else ' | ').join(map(_any_of, groups))})"
    asked += "".join(f" & !({_any_of(group)})" for group in unwanted)
    condition, values = visible
    return (
        f"held_{which} AS {_by_index(groups, every)} (SELECT number FROM text_{g} WHERE words @@ ?::tsquery), "
        f"{which} AS MATERIALIZED (SELECT e.number, e.kind, e.at FROM held_{which} JOIN entries_{g} e USING (number) "
        f"WHERE {condition} ORDER BY e.number DESC LIMIT {MOST_RANKED})",
        [asked, *values],
    )


def _ranked(g: int, which: str, groups: Sequence[Group]) -> tuple[str, list[Any]]:
    """`ts_rank` does not know how rare a word is: each thing that is looked for is weighed by that here."""
    ranks = " + ".join(f"? * ts_rank({_WEIGHTS}, words, ?::tsquery, 1)" for _ in groups)
    return (
        f"SELECT '{which}', number, {ranks}, kind, at FROM {which} JOIN text_{g} USING (number)",
        [part for group in groups for part in (group.weight, _any_of(group))],
    )


def _any_of(group: Group) -> str:
    # Words are letters and digits alone, so that nothing in them means anything in a tsquery.
    phrases = (" <-> ".join(f"'{word}'" for word in phrase) for phrase in group.alternatives)
    return "(" + " | ".join(f"({phrase})" for phrase in phrases) + ")"


def _by_index(groups: Sequence[Group], every: bool) -> str:
    """Whether the index of words is to be asked first, by itself. What stands in few entries is found by nothing else:
    the planner, which knows nothing of a table that has just grown, may walk all of them from the newest on instead. Of
    what stands in many that is the best, and left to it."""
    # As the weight was made of it.
    shares = [math.exp(-group.weight) for group in groups]
    share = min(shares) if every else sum(shares)
    return "MATERIALIZED" if share < _MANY else "NOT MATERIALIZED"


def _bound(value: Any) -> Any:
    return value.replace("\0", " ") if isinstance(value, str) else value
