"""How often a question waits for PostgreSQL: on a busy machine each wait costs more than the work that it is for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from tempfile import TemporaryFile
from threading import Event

import pytest

from tests.search.entries import TODAY, entry, put
from vapora.database import Database, search_schema
from vapora.domain.search import everything
from vapora.search import IndexWriter, SearchReader, learn_if_due

ALL = everything()
TOPICS = ("retry or cancel it", "queue worker drains", "login token expired", "button layout colour")


@pytest.fixture
def database(database_url: str) -> Database:
    return search_schema(database_url, "acme")


def waits(database: Database, work: Callable[[], object]) -> int:
    """How often the server was waited for: it says each time when it is ready for more. One connection is all that
    this process has, so that it is the one that is used."""
    with TemporaryFile() as told:
        connection = database.take()
        connection.pgconn.trace(told.fileno())
        database.give(connection)
        work()
        again = database.take()
        again.pgconn.untrace()
        database.give(again)
        assert again is connection, "what was counted is not what was used"
        told.seek(0)
        return told.read().count(b"ReadyForQuery")


def test_a_question_waits_four_times_for_the_server(database: Database) -> None:
    with IndexWriter(database) as writer:
        put(writer, *(entry(f"{n}", f"Payment{n} of the gateway", TOPICS[n % 4]) for n in range(60)))
    assert learn_if_due(lambda: IndexWriter(database), Event())
    with closing(SearchReader(database, lambda: TODAY)) as reader:

        def of(query: str, mode: str = "both") -> int:
            answers = []
            count = waits(database, lambda: answers.append(reader.find(query, ALL, mode=mode)))  # type: ignore[arg-type]
            assert answers[0].hits and answers[0].mode == mode, query
            return count

        assert reader.find("retry", ALL).hits  # reads the vectors, once
        # To begin and see which generation is looked at; what the words stand for; what holds them; the texts.
        asked = (
            "retry ",
            "retr",
            '"cancel it"',
            "retry cancel drains -payment3",
            "retry payment7 gateway cancel pay*",
        )
        assert {query: of(query, mode) for query in asked for mode in ("text", "both")} == dict.fromkeys(asked, 4)
        # What was probably meant, of all words at once.
        assert of("retyr cancle ", "text") == 5
        assert of("retry", "vectors") == 3
        assert waits(database, lambda: reader.similar("to cancel a payment", ALL, kinds=("task",))) == 5
        for ask in (reader.projects, reader.count, reader.position, lambda: reader.get("task", "1")):
            assert waits(database, ask) == 2
