"""The one who writes an index: entries in, and how far the log has been gone along, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from events.content import Content
from vapora.database import Place
from vapora.domain.search import MOST_TEXT, MOST_TITLE, Entry
from vapora.errors import SearchFormError
from vapora.search.changes import Change, Put
from vapora.search.place import engine
from vapora.search.session import FORM, Session, drop, make
from vapora.search.texts import WordLines, lines_of, lines_of_entry
from vapora.search.words import grams, stem

_INSERT = """INSERT INTO entries_{g} (kind, id, project_id, task_id, at, link, position, source)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"""
_UPDATE = """UPDATE entries_{g} SET project_id = ?, task_id = ?, at = ?, link = ?, position = ?, source = ?
WHERE number = ?"""
_FIND = """SELECT number, e.kind, e.id, project_id, task_id, at, link, position, source FROM entries_{g} e
WHERE kind = ? AND id = ?"""
_TEXT = "SELECT title, body FROM texts_{g} WHERE number = ?"
_WORD = """INSERT INTO words_{g} (word, stem, entries) VALUES (?, ?, ?)
ON CONFLICT (word) DO UPDATE SET entries = words_{g}.entries + excluded.entries"""
_GRAM = "INSERT INTO grams_{g} (gram, word) VALUES (?, ?) ON CONFLICT DO NOTHING"
# Longer ones are digests and the like, which nobody mistypes.
_LONGEST_WORD = 24


class IndexWriter:
    """Blocking, and used by one thread at a time. What it finds of another form it leaves aside and begins anew.

    `generation`: None is the one that is looked at; a number, one that grows beside it.
    """

    def __init__(
        self, place: Place | str, guard: Callable[[Callable[[str, Sequence[Any]], Any]], None] | None = None
    ) -> None:
        """`guard`: asked at the beginning of each transaction; raises where somebody else writes here now."""
        self._guard = guard
        self._session: Session = engine(place).writer()
        with self._transaction():
            # How far it was when it was opened, as `position` would say it: who opens it asks that next.
            self.found = self._open()

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def position(self) -> tuple[int, str]:
        """How far the log has been gone along, and what its last event was, for `begin_anew` to be decided on."""
        with self._transaction():
            g = self._live()
            row = self._session.execute("SELECT position, event FROM generations WHERE number = ?", (g,)).fetchone()
            return int(row[0]), str(row[1])

    def begin_anew(self) -> None:
        """Nothing that stands there is of this log."""
        with self._transaction():
            self._replace(self._live())

    @contextmanager
    def batch(self, texts: Callable[[Content], str], generation: int | None = None) -> Iterator[Batch]:
        """Some changes in one transaction; of a batch that fails, none. `texts` reads what an event names."""
        with self._transaction():
            g = self._live() if generation is None else generation
            batch = Batch(self._session, g, texts)
            yield batch
            batch.finish()

    @contextmanager
    def open(self) -> Iterator[tuple[Session, int]]:
        """A transaction on the generation that is looked at, for what stands beside its entries."""
        with self._transaction():
            yield self._session, self._live()

    # ---- building anew

    def begin_rebuild(self) -> int:
        """A new generation beside the one that is looked at; one that somebody had begun is dropped."""
        with self._transaction():
            for (g,) in self._session.execute("SELECT number FROM generations WHERE live = 0").fetchall():
                self._forget(int(g))
            (last,) = self._session.execute("SELECT MAX(number) FROM generations").fetchone()
            self._begin(int(last) + 1, live=False)
            return int(last) + 1

    def reached(self, generation: int) -> int:
        with self._transaction():
            row = self._session.execute("SELECT position FROM generations WHERE number = ?", (generation,)).fetchone()
            if row is None:
                raise SearchFormError(
                    "Somebody else has begun to build the search index anew.", remedy="Wait until they are done."
                )
            return int(row[0])

    def switch(self, generation: int) -> bool:
        """From now on this one is looked at, if it has come as far as the one before; that one goes."""
        with self._transaction():
            live = self._live()
            if self._at(generation) < self._at(live):
                return False
            self._session.execute("UPDATE generations SET live = 1 WHERE number = ?", (generation,))
            self._forget(live)
            return True

    def _at(self, g: int) -> int:
        return int(self._session.execute("SELECT position FROM generations WHERE number = ?", (g,)).fetchone()[0])

    # ---- what is there

    def _open(self) -> tuple[int, str]:
        asked = "SELECT number, form, position, event FROM generations WHERE live = 1"
        row = self._session.execute(asked).fetchone()
        if row is not None and row[1] == FORM:
            return int(row[2]), str(row[3])
        if row is None:
            self._begin(1, live=True)
        else:
            self._replace(int(row[0]))
        return 0, ""

    def _replace(self, g: int) -> None:
        self._forget(g)
        self._begin(g + 1, live=True)

    def _begin(self, g: int, *, live: bool) -> None:
        make(self._session, g)
        self._session.execute("INSERT INTO generations VALUES (?, ?, 0, '', ?)", (g, FORM, int(live)))

    def _forget(self, g: int) -> None:
        drop(self._session, g)
        self._session.execute("DELETE FROM generations WHERE number = ?", (g,))

    def _live(self) -> int:
        row = self._session.execute("SELECT number, form FROM generations WHERE live = 1").fetchone()
        if row is None or row[1] != FORM:
            raise SearchFormError(
                f"The search index has the form {row[1] if row else 'none'!r}; this version of VAPORA writes {FORM!r}.",
                remedy="Another version of VAPORA works on it: stop that one, and start this one again.",
            )
        return int(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._session.begin()
        try:
            if self._guard is not None:
                self._guard(self._session.execute)
            yield
            self._session.commit()
        except BaseException:
            self._session.rollback()
            raise


class Batch:
    """Changes of one transaction. `vapora.search.changes.Known` for those who make them."""

    def __init__(self, session: Session, g: int, texts: Callable[[Content], str]) -> None:
        self.session = session
        self.g = g
        self._texts = texts
        # What the batch has put and not yet written, by key; None: dropped.
        self._pending: dict[tuple[str, str], Entry | None] = {}
        self._position: tuple[int, str] | None = None
        # The numbers of what was written, for those who make vectors of it.
        self.written: list[int] = []

    def get(self, kind: str, id_: str) -> Entry | None:
        if (kind, id_) in self._pending:
            return self._pending[kind, id_]
        found = self._stored(kind, id_)
        return None if found is None else found[1]

    def text(self, content: Content) -> str:
        return self._texts(content)

    def apply(self, change: Change) -> None:
        if isinstance(change, Put):
            entry = _cut(change.entry)
            self._pending[entry.kind, entry.id] = entry
        else:
            self._pending[change.kind, change.id] = None

    def reach(self, position: int, event: str) -> None:
        """The log has been gone along up to here."""
        self._position = position, event

    def head_of(self, project_id: str) -> str:
        """The commit that the project's code was taken from last; empty: it never was."""
        row = self.session.execute(f"SELECT head FROM heads_{self.g} WHERE project_id = ?", (project_id,)).fetchone()
        return "" if row is None else str(row[0])

    def set_head(self, project_id: str, head: str) -> None:
        self.session.execute(
            f"INSERT INTO heads_{self.g} VALUES (?, ?) ON CONFLICT (project_id) DO UPDATE SET head = excluded.head",
            (project_id, head),
        )

    def sources(self, kind: str, project_id: str) -> dict[str, str]:
        """What the project's entries of a kind were made of, by id."""
        found = self.session.execute(
            f"SELECT id, source FROM entries_{self.g} WHERE kind = ? AND project_id = ?", (kind, project_id)
        ).fetchall()
        return {str(id_): str(source) for id_, source in found}

    def finish(self) -> None:
        self._write()
        if self._position is not None:
            self.session.execute(
                "UPDATE generations SET position = ?, event = ? WHERE number = ?", (*self._position, self.g)
            )

    def _write(self) -> None:
        g, session = self.g, self.session
        old: list[tuple[int, WordLines]] = []
        new: list[tuple[int, WordLines]] = []
        texts: list[tuple[int, str, str]] = []
        counts: Counter[str] = Counter()
        for (kind, id_), entry in self._pending.items():
            stored = self._stored(kind, id_)
            if stored is not None:
                number, was = stored
                if entry is not None and (was.title, was.text) == (entry.title, entry.text):
                    session.execute(_UPDATE.format(g=g), (*_columns(entry), number))
                    continue
                lines = lines_of_entry(was)
                old.append((number, lines))
                counts.subtract(lines.distinct)
            if entry is None:
                continue
            if stored is not None:
                session.execute(_UPDATE.format(g=g), (*_columns(entry), number))
            else:
                number = int(session.execute(_INSERT.format(g=g), (kind, id_, *_columns(entry))).fetchone()[0])
            lines = lines_of(entry.title, entry.text)
            new.append((number, lines))
            texts.append((number, entry.title, entry.text))
            counts.update(lines.distinct)
        gone = [(number,) for number, _ in old]
        kept = {number for number, _ in new}
        session.drop_words(g, old)
        session.many(f"DELETE FROM texts_{g} WHERE number = ?", gone)
        session.many(f"DELETE FROM vectors_{g} WHERE number = ?", gone)
        session.many(f"DELETE FROM entries_{g} WHERE number = ?", [one for one in gone if one[0] not in kept])
        session.put_words(g, new)
        session.many(f"INSERT INTO texts_{g} VALUES (?, ?, ?)", texts)
        self._count(counts)
        self.written += sorted(kept)
        self._pending.clear()

    def _count(self, counts: Counter[str]) -> None:
        """The vocabulary: how many entries hold a word. Pieces of words are put in once, and stay."""
        g, session = self.g, self.session
        changed = [(word, stem(word), count) for word, count in counts.items() if count]
        condition, values = session.among("word", [word for word, *_ in changed])
        known = {
            str(word) for (word,) in session.execute(f"SELECT word FROM words_{g} WHERE {condition}", values).fetchall()
        }
        session.many(_WORD.format(g=g), changed)
        fresh = (
            word
            for word, *_ in changed
            if word and word not in known and len(word) <= _LONGEST_WORD and not word.isdigit()
        )
        session.many(_GRAM.format(g=g), [(gram, word) for word in fresh for gram in grams(word)])

    def _stored(self, kind: str, id_: str) -> tuple[int, Entry] | None:
        row = self.session.execute(_FIND.format(g=self.g), (kind, id_)).fetchone()
        if row is None:
            return None
        title, body = self.session.execute(_TEXT.format(g=self.g), (row[0],)).fetchone()
        return int(row[0]), entry_of(row[1:], title, body)


def entry_of(row: tuple[str, str, str, str, float, str, int, str], title: str, body: str) -> Entry:
    """Of `kind, id, project_id, task_id, at, link, position, source`."""
    kind, id_, project_id, task_id, at, link, position, source = row
    return Entry(kind, id_, project_id, title, body, datetime.fromtimestamp(at, UTC), task_id, link, position, source)


def _columns(entry: Entry) -> tuple[str, str, float, str, int, str]:
    return entry.project_id, entry.task_id, entry.at.timestamp(), entry.link, entry.position, entry.source


def _cut(entry: Entry) -> Entry:
    title, text = entry.title[:MOST_TITLE].replace("\0", " "), entry.text[:MOST_TEXT].replace("\0", " ")
    return Entry(
        entry.kind, entry.id, entry.project_id, title, text, entry.at, entry.task_id, entry.link, entry.position,
        entry.source,
    )  # fmt: skip
