"""The index in a SQLite file of its own, with FTS5. Readers see one moment while the writer goes on."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from vapora.errors import StoreFaultError, UnavailableError
from vapora.private_dirs import make_private
from vapora.readonly import Reading, is_writable
from vapora.search.session import GENERATIONS, LIVE, MOST_RANKED, Ask
from vapora.search.texts import Group, Match, Wanted, WordLines

# What a word counts for in the title, in the text and as a whole identifier.
_WEIGHTS = "4.0, 1.0, 2.0"
# The index of words is gone along from the newest on, and left where there are enough: nothing is sorted, and of the
# entries those are read that it names. CROSS JOIN says so to SQLite, whatever else it could think of.
_MATCH = """SELECT f.rowid, -bm25(text_{g}, {weights}), e.kind, e.at FROM text_{g} f
CROSS JOIN entries_{g} e ON e.number = f.rowid WHERE text_{g} MATCH ? AND {visible}
ORDER BY f.rowid DESC LIMIT {most}"""


class SqliteSession:
    types = {"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", "real": "REAL", "blob": "BLOB"}  # noqa: RUF012

    def __init__(self, path: Path, uri: str) -> None:
        self._path = path
        self._db = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=256
        )

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:
        return self._told(lambda: self._db.execute(statement, values))

    def ask(self, asked: Sequence[Ask], *, last: bool = False) -> list[list[Any]]:
        found = [self.execute(one.statement, one.values).fetchall() for one in asked]
        if last:
            self.rollback()
        return found

    def many(self, statement: str, rows: Sequence[Sequence[Any]], /) -> None:
        self._told(lambda: self._db.executemany(statement, rows))

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def look(self) -> Any:
        self.execute("BEGIN")
        return self.execute(LIVE).fetchone()

    def commit(self) -> None:
        self.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        self._db.close()

    def make_text(self, g: int) -> None:
        # The texts stand in a table of their own; the words are made by us, so that no more is done to them.
        self.execute(
            f"CREATE VIRTUAL TABLE text_{g} USING fts5(title, body, wholes, content='', "
            'tokenize="unicode61 remove_diacritics 0")'
        )

    def drop_text(self, g: int) -> None:
        self.execute(f"DROP TABLE IF EXISTS text_{g}")

    def put_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None:
        self.many(f"INSERT INTO text_{g} (rowid, title, body, wholes) VALUES (?, ?, ?, ?)", _joined(rows))

    def drop_words(self, g: int, rows: Sequence[tuple[int, WordLines]]) -> None:
        self.many(
            f"INSERT INTO text_{g} (text_{g}, rowid, title, body, wholes) VALUES ('delete', ?, ?, ?, ?)", _joined(rows)
        )

    def match(self, g: int, wanted: Wanted, visible: tuple[str, list[Any]]) -> tuple[list[Match], list[Match]]:
        every = self._match(g, " AND ".join(map(_any_of, wanted.groups)), wanted.unwanted, visible)
        if wanted.is_one or len(every) >= wanted.enough:
            return every, []
        return every, self._match(g, " OR ".join(map(_any_of, wanted.telling)), wanted.unwanted, visible)

    def _match(self, g: int, wanted: str, unwanted: Sequence[Group], visible: tuple[str, list[Any]]) -> list[Match]:
        asked = f"({wanted})" + "".join(f" NOT {_any_of(group)}" for group in unwanted)
        condition, values = visible
        statement = _MATCH.format(g=g, weights=_WEIGHTS, visible=condition, most=MOST_RANKED)
        found = self.execute(statement, (asked, *values)).fetchall()
        return [Match(number, max(relevance, 0.0), kind, at) for number, relevance, kind, at in found]

    def among(self, column: str, values: Iterable[str]) -> tuple[str, list[Any]]:
        return f"{column} IN (SELECT value FROM json_each(?))", [json.dumps(list(values))]

    def _told(self, work: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        try:
            return work()
        except sqlite3.DatabaseError as error:
            damaged = type(error) is sqlite3.DatabaseError
            remedy = "Make the file and its folder writable for this user, and see that the disk has room."
            if damaged:
                remedy = "With nothing running delete it: it is built again from the log."
            raise StoreFaultError(
                f"The search index at {self._path} cannot be used: {error}.", remedy=remedy
            ) from error


class File:
    """`vapora.search.session.Engine` on one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading: Reading | None = None

    def writer(self) -> SqliteSession:
        try:
            make_private(self._path.parent)
            # Made before SQLite opens it, so that its side files get this mode as well.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise StoreFaultError(
                f"The search index at {self._path} cannot be made: {error}.",
                remedy="Make the folder writable for this user, and see that the disk has room.",
            ) from error
        session = SqliteSession(self._path, f"{self._path.absolute().as_uri()}?mode=rw")
        session.execute("PRAGMA journal_mode = WAL")
        # Losing the last moments costs a few events to read again.
        session.execute("PRAGMA synchronous = NORMAL")
        # The vocabulary of some hundred thousand texts; with the usual 2 MiB each batch reads most of it again.
        session.execute("PRAGMA cache_size = -32000")
        session.execute(GENERATIONS)
        return session

    def reader(self) -> SqliteSession:
        if not self._path.exists():
            raise UnavailableError(
                "There is no search index of this workspace yet.",
                remedy="It is made when the workspace runs; ask again in a moment.",
            )
        if self._reading is None and not is_writable(self._path):
            self._reading = Reading(self._path)
        uri = f"{self._path.absolute().as_uri()}?mode=ro" if self._reading is None else self._reading.uri
        session = SqliteSession(self._path, uri)
        session.execute("PRAGMA query_only = TRUE")
        session.execute("PRAGMA cache_size = -32000")
        return session


def _joined(rows: Sequence[tuple[int, WordLines]]) -> list[tuple[int, str, str, str]]:
    return [(number, " ".join(one.title), " ".join(one.body), " ".join(one.wholes)) for number, one in rows]


def _any_of(group: Group) -> str:
    # Words are letters and digits alone, so that nothing in them means anything to FTS5.
    return "(" + " OR ".join('"' + " ".join(phrase) + '"' for phrase in group.alternatives) + ")"
