"""Those who look: any number, in any process, beside the one who writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vapora.clock import now
from vapora.database import Place
from vapora.domain.rank_fusion import reciprocal_rank
from vapora.domain.search import Allowed, Entry, Found, Hit, Mode, boosted, narrowed
from vapora.errors import StoreFaultError
from vapora.ports import QuestionVector
from vapora.search.matching import Matching, matching, questions, shown
from vapora.search.place import engine
from vapora.search.query import Query, Term, parse
from vapora.search.session import Ask, Generation, Session, counted, counting, look, visible
from vapora.search.snippets import snippet
from vapora.search.texts import Group, Match, Wanted
from vapora.search.vectors import VectorCache
from vapora.search.words import STOPWORDS, words
from vapora.search.writer import entry_of

# What holds all that was looked for counts so much more than what holds only some of it.
_ALL = 1.5
# How deep rankings are looked at before they are made one.
_DEPTH = 100
# Of a text that similar ones are looked for: its most telling words.
_MOST_TELLING = 24
_IDLE = 8
# From one to the next in their index: neither engine skips by itself over the entries that share one.
_PROJECTS = """WITH RECURSIVE found (id) AS (
    SELECT MIN(project_id) FROM entries_{g} UNION ALL
    SELECT (SELECT MIN(project_id) FROM entries_{g} WHERE project_id > found.id) FROM found WHERE found.id IS NOT NULL)
SELECT id FROM found"""


class SearchReader:
    """Blocking; any number of threads may use it. Raises `UnavailableError` while there is no index, and
    `SearchFormError` where what is there is not what this version reads: never an answer that is empty for it."""

    def __init__(self, place: Place | str, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine(place)
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._vectors = VectorCache()

    def find(
        self,
        query: str,
        allowed: Allowed,
        *,
        kinds: Sequence[str] = (),
        project_id: str | None = None,
        limit: int = 20,
        mode: Mode = "both",
        vector: QuestionVector | None = None,
    ) -> Found:
        """What people type (`vapora.search.query`), answered with what `allowed` lets them see, the best first.
        `vector`: the question's, where a provider's model makes the index's."""
        seen = narrowed(allowed, tuple(kinds), project_id)
        with self._snapshot() as (session, live):
            return self._answer(session, live, parse(query), query, seen, limit, mode, vector)

    def similar(
        self,
        text: str,
        allowed: Allowed,
        *,
        kinds: Sequence[str] = ("run",),
        project_id: str | None = None,
        limit: int = 10,
        mode: Mode = "both",
    ) -> Found:
        """What is about the same as a text; nothing in it is an operator."""
        seen = narrowed(allowed, tuple(kinds), project_id)
        with self._snapshot() as (session, live):
            asked = _telling(session, live.number, text)
            return self._answer(session, live, asked, text, seen, limit, mode)

    def get(self, kind: str, id_: str) -> Entry | None:
        rows = self._rows(
            "SELECT t.title, t.body, e.kind, e.id, project_id, task_id, at, link, position, source "
            "FROM entries_{g} e JOIN texts_{g} t ON t.number = e.number WHERE e.kind = ? AND e.id = ?",
            (kind, id_),
        )
        return entry_of(rows[0][2:], rows[0][0], rows[0][1]) if rows else None

    def position(self) -> int:
        """How far the log has been gone along."""
        with self._snapshot() as (_, live):
            return live.position

    def projects(self) -> frozenset[str]:
        """Those that anything in the index is of, and "" where something is of the whole workspace."""
        return frozenset(str(one) for (one,) in self._rows(_PROJECTS) if one is not None)

    def count(self) -> int:
        with self._snapshot() as (session, live):
            [rows] = session.ask([counting(live.number)], last=True)
            return counted(rows)

    def close(self) -> None:
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with self._snapshot() as (session, live):
            [rows] = session.ask([Ask(statement.format(g=live.number), values)], last=True)
            return rows

    def _answer(
        self,
        session: Session,
        live: Generation,
        asked: Query,
        text: str,
        allowed: Allowed,
        limit: int,
        mode: Mode,
        vector: QuestionVector | None = None,
    ) -> Found:
        """Four round trips to a server, with that to begin, and one more where a word is corrected: each may cost more
        than the work it asks for. What words stand for decides what is ranked, and that which texts are shown."""
        if asked.is_empty:
            return Found((), {}, "text", live.position)
        g, seen = live.number, visible(session, allowed)
        about_words = questions(g, asked)
        about_vectors = [] if mode == "text" else self._vectors.questions(g)
        answers = session.ask([*about_words, *about_vectors])
        of_words, of_vectors = answers[: len(about_words)], answers[len(about_words) :]
        meant = matching(session, g, asked, of_words)
        rankings: list[list[int]] = []
        scores: dict[int, float] = {}
        deep = max(limit, _DEPTH)
        vectors = self._vectors.nearest(session, g, of_vectors, text, allowed, deep, vector) if of_vectors else None
        if mode != "vectors" or vectors is None:
            found = self._by_text(session, g, meant, seen, deep)
            rankings.append([one.number for one in found])
            scores = {one.number: one.relevance for one in found}
        if vectors is not None:
            rankings.append([number for number, _ in vectors])
            scores = dict(vectors) if mode == "vectors" else scores
        used: Mode = mode if vectors is not None else "text"
        best = list(scores.items())
        if used == "both":
            best = reciprocal_rank(rankings)
        hits = self._hits(session, g, best[:limit], shown((*meant.groups,)), seen)
        return Found(hits, meant.corrected, used, live.position)

    def _by_text(
        self, session: Session, g: int, meant: Matching, seen: tuple[str, list[object]], limit: int
    ) -> list[Match]:
        today = self._clock().timestamp()
        every, some = session.match(g, Wanted(meant.groups, meant.telling, meant.unwanted, limit), seen)
        there = {one.number for one in every}
        found = self._ranked(every, today, _ALL)
        found += self._ranked([one for one in some if one.number not in there], today, 1.0)
        return sorted(found, key=lambda one: (-one.relevance, -one.number))[:limit]

    def _ranked(self, matches: list[Match], today: float, factor: float) -> list[Match]:
        return [
            replace(one, relevance=factor * boosted(one.relevance, one.kind, (today - one.at) / 86_400))
            for one in matches
        ]

    def _hits(
        self,
        session: Session,
        g: int,
        best: Sequence[tuple[int, float]],
        wanted: frozenset[str],
        seen: tuple[str, list[object]],
    ) -> tuple[Hit, ...]:
        """The filter stands here once more: whatever ranked them, nothing else is shown."""
        if not best:
            return ()
        condition, values = seen
        numbers = ", ".join(str(int(number)) for number, _ in best)
        asked = Ask(
            "SELECT e.number, e.kind, e.id, e.project_id, e.task_id, e.at, e.link, t.title, t.body "
            f"FROM entries_{g} e JOIN texts_{g} t ON t.number = e.number WHERE e.number IN ({numbers}) AND {condition}",
            values,
        )
        [rows] = session.ask([asked], last=True)
        by_number = {row[0]: row[1:] for row in rows}
        return tuple(_hit(by_number[number], score, wanted) for number, score in best if number in by_number)

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[Session, Generation]]:
        """All that is asked within is of one moment."""
        session = self._take()
        try:
            yield session, look(session)
            session.rollback()
        except BaseException as error:
            if isinstance(error, StoreFaultError):
                session.close()  # it may be broken, or know tables that are no longer there
            else:
                session.rollback()
                self._give(session)
            raise
        self._give(session)

    def _take(self) -> Session:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._engine.reader()

    def _give(self, session: Session) -> None:
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(session)
                return
        session.close()


def _hit(row: tuple[str, str, str, str, float, str, str, str], score: float, wanted: frozenset[str]) -> Hit:
    kind, id_, project_id, task_id, at, link, title, body = row
    when = datetime.fromtimestamp(at, UTC)
    return Hit(kind, id_, project_id, task_id, title, snippet(body or title, wanted), round(score, 6), when, link)


def _telling(session: Session, g: int, text: str) -> Query:
    """The words of a text that fewest entries hold."""
    said = list(dict.fromkeys(word.text for word in words(text) if word.text not in STOPWORDS))[:500]
    if not said:
        return Query()
    condition, values = session.among("word", said)
    [rows] = session.ask([Ask(f"SELECT word, entries FROM words_{g} WHERE {condition} AND entries > 0", values)])
    held = dict(rows)
    rare = sorted((word for word in said if word in held), key=lambda word: held[word])[:_MOST_TELLING]
    return Query(tuple(Term((word,)) for word in rare))


__all__ = ["Group", "SearchReader"]
