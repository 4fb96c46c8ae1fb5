"""How an index is asked: by its indexes, whatever is looked for, and never by going through all entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from tests.search.entries import TODAY, entry, put
from vapora.database import Database, Place
from vapora.domain.search import KINDS, everything
from vapora.search import IndexWriter, SearchReader
from vapora.search.postgres import PostgresSession
from vapora.search.session import Session
from vapora.search.sqlite import SqliteSession

_ALL = r"(?:entries|text|texts|words|grams)_\d+|[etw]"


class WatchedFile(SqliteSession):
    plans: list[tuple[str, str]]

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        if statement.startswith(("SELECT", "WITH")):
            rows = super().execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            self.plans.append((statement, "\n".join(row[3] for row in rows)))
        return super().execute(statement, values)


class WatchedSchema(PostgresSession):
    plans: list[tuple[str, str]]

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Any:
        if statement.startswith(("SELECT", "WITH")):
            rows = super().execute(f"EXPLAIN {statement}", values).fetchall()
            self.plans.append((statement, "\n".join(row[0] for row in rows)))
        return super().execute(statement, values)


class Watched(SearchReader):
    """Tells how each of its questions is carried out."""

    def __init__(self, place: Place) -> None:
        super().__init__(place, lambda: TODAY)
        self._place = place
        self.plans: list[tuple[str, str]] = []

    def _take(self) -> Session:
        session: WatchedFile | WatchedSchema
        if isinstance(self._place, Database):
            session = WatchedSchema(self._place)
        else:
            session = WatchedFile(self._place, f"{self._place.as_uri()}?mode=ro")
        session.plans = self.plans
        return session

    def _give(self, session: Session) -> None:
        session.close()


def test_no_question_goes_through_all_entries(place: Place) -> None:
    some = dict.fromkeys(KINDS, frozenset({"p1", "p2", ""}))
    with IndexWriter(place) as writer:
        put(
            writer,
            *(
                entry(
                    f"{n}", f"Rare{n} thing of {'many' if n % 3 else 'some'}", "authentication", project_id=f"p{n % 4}"
                )
                for n in range(300)
            ),
        )
    with closing(Watched(place)) as reader:
        for query in ("many", "rare6 ", "rar", '"thing of many"', "authentcation ", "rare1 thing -some", "rare1 rare2"):
            assert reader.find(query, some, limit=5).hits, query
        assert reader.find("thing", some, kinds=("task",), project_id="p1").hits
        assert reader.similar("a rare6 thing", everything(), kinds=("task",)).hits
        assert reader.projects() == {"p0", "p1", "p2", "p3"} and reader.count() == 300
        plans = reader.plans
    through_all = re.compile(rf"Seq Scan on (?:{_ALL})\b|^SCAN (?:{_ALL})\b", re.MULTILINE)
    assert not [one for one in plans if through_all.search(one[1])]
    matches = [plan for statement, plan in plans if "bm25" in statement or "ts_rank" in statement]
    assert len(matches) > 8
    if not isinstance(place, Database):
        assert not [plan for plan in matches if "ORDER BY" in plan], "the newest come first by themselves"
