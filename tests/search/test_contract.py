"""What an index does, whichever engine stands behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.search.entries import TODAY, drop, entry, put
from vapora.database import Place
from vapora.domain.search import Allowed, everything
from vapora.errors import SearchFormError, UnavailableError
from vapora.search import IndexWriter, Put, SearchReader
from vapora.search.place import engine

ALL = everything()


@pytest.fixture
def writer(place: Place) -> Iterator[IndexWriter]:
    with IndexWriter(place) as writer:
        yield writer


@pytest.fixture
def reader(place: Place, writer: IndexWriter) -> Iterator[SearchReader]:
    with closing(SearchReader(place, lambda: TODAY)) as reader:
        yield reader


def ids(reader: SearchReader, query: str, allowed: Allowed = ALL, **more: object) -> list[str]:
    return [hit.id for hit in reader.find(query, allowed, **more).hits]  # type: ignore[arg-type]


def test_a_word_is_found_in_its_forms_and_an_identifier_by_its_parts(writer: IndexWriter, reader: SearchReader) -> None:
    put(
        writer,
        entry("a", "Retry failed payments", "The gateway times out; maxRetries should be honoured."),
        entry("b", "Close the connection pool", "def close_idle_connections(pool): ..."),
        entry("c", "Überprüfe die Größe", "Crème brûlée"),
    )
    assert ids(reader, "retrying payment") == ["a"]
    assert ids(reader, "max retries") == ids(reader, "maxretries") == ids(reader, "maxRetries") == ["a"]
    assert ids(reader, "idle connections") == ids(reader, "close_idle_connections") == ["b"]
    assert ids(reader, "grosse") == ids(reader, "uberprufe") == ids(reader, "creme BRULEE") == ["c"]


def test_the_beginning_of_a_word_and_words_in_their_order(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "Migrate the schema", "database first"), entry("b", "First the database", "no schema"))
    assert ids(reader, "migr") == ids(reader, "migr*") == ["a"]
    assert ids(reader, "mig* schema") == ["a", "b"], "what holds only some of it comes behind"
    assert ids(reader, '"database first"') == ["a"]
    assert ids(reader, "database -migrate") == ["b"]
    assert ids(reader, "-database") == ids(reader, "  ") == ids(reader, '"') == []


def test_a_slip_is_forgiven_and_said(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "Authentication by tokens"), entry("b", "Deployment to the cluster"))
    found = reader.find("authentcation", ALL)
    assert [hit.id for hit in found.hits] == ["a"]
    assert found.corrected == {"authentcation": ("authentication",)}
    assert ids(reader, "deplyoment") == ["b"], "two letters that changed places are one slip"
    assert ids(reader, "kubernetes") == [], "and nothing is found by force"
    assert reader.find("authentication", ALL).corrected == {}


def test_the_title_the_kind_and_the_time_rank(writer: IndexWriter, reader: SearchReader) -> None:
    put(
        writer,
        *(entry(f"filler {n}", f"Something else {n}", "with other words entirely") for n in range(20)),
        entry("text", "Something", "a word about caching and more of it"),
        entry("title", "Caching", "a word about something and more of it"),
    )
    assert ids(reader, "caching")[:2] == ["title", "text"]
    put(
        writer,
        entry("old", "Timeouts of the queue", days=300),
        entry("new", "Timeouts of the queue", days=1),
        entry("said", "Timeouts of the queue", kind="comment", days=1),
    )
    assert ids(reader, "timeouts queue") == ["new", "old", "said"]


def test_only_what_is_allowed_and_asked_for(writer: IndexWriter, reader: SearchReader) -> None:
    put(
        writer,
        entry("a", "One report", project_id="p1"),
        entry("b", "One report", project_id="p2"),
        entry("c", "One report", project_id="p1", kind="comment"),
        entry("d", "One report", project_id="", kind="document"),
    )
    assert set(ids(reader, "report")) == {"a", "b", "c", "d"}
    assert ids(reader, "report", {"task": frozenset({"p2"})}) == ["b"]
    assert set(ids(reader, "report", {"task": frozenset({"p1"}), "document": frozenset({"", "p1"})})) == {"a", "d"}
    assert ids(reader, "report", {}) == ids(reader, "report", {"task": frozenset()}) == []
    assert set(ids(reader, "report", kinds=("comment", "document"))) == {"c", "d"}
    assert ids(reader, "report", {"task": frozenset({"p1"})}, project_id="p2") == [], "a filter never gives more"
    assert reader.projects() == {"p1", "p2", ""}


def test_what_is_put_again_replaces_and_what_is_dropped_is_gone(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "First words"), entry("b", "First of all"), position=7)
    assert reader.position() == writer.position()[0] == 7
    put(writer, entry("a", "Second words"), position=9)
    assert ids(reader, "first") == ["b"] and ids(reader, "second") == ["a"]
    drop(writer, ["a", "never there"])
    assert ids(reader, "second") == ids(reader, "words") == []
    assert reader.get("task", "a") is None
    assert reader.get("task", "b") == entry("b", "First of all")
    # The vocabulary forgets as well: else a slip would be mended into what is not there.
    assert reader.find("secnd", ALL).corrected == {}


def test_a_batch_that_fails_changes_nothing(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "Before"), position=3)
    with pytest.raises(ZeroDivisionError), writer.batch(str) as batch:
        batch.apply(Put(entry("b", "After")))
        batch.reach(4, "event 4")
        1 / 0  # noqa: B018
    assert ids(reader, "after") == [] and reader.position() == 3


def test_snippets_are_text_and_show_why(writer: IndexWriter, reader: SearchReader) -> None:
    far = "Nothing of interest. " * 200
    put(writer, entry("a", "Page", f"{far}<script>alert('fibonacci')</script> ends here. {far}"))
    [hit] = reader.find("fibonaci", ALL).hits
    assert [piece.text for piece in hit.snippet if piece.hit] == ["fibonacci"]
    assert "<script>alert('fibonacci')</script>" in hit.snippet_text
    assert hit.snippet_text.startswith("… ") and hit.snippet_text.endswith(" …") and len(hit.snippet_text) < 250


def test_nothing_that_is_typed_reaches_the_engine(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "Plain", "x' OR '1'='1"), entry("b", "Other"))
    for typed in (
        "'",
        '"',
        "a AND OR NOT",
        "title:plain",
        "(((",
        "pla:in*",
        "' & !b",
        "x' OR '1'='1",
        "\0",
        "NEAR(a b)",
    ):
        assert set(ids(reader, typed)) <= {"a"}, typed
    put(writer, entry("c", "With \0 in it", "\ud83d\ude00 ".encode("utf-16", "surrogatepass").decode("utf-16")))
    assert ids(reader, "with") == ["c"]


def test_it_is_built_anew_beside_what_is_looked_at(writer: IndexWriter, reader: SearchReader) -> None:
    put(writer, entry("a", "Old"), position=5)
    g = writer.begin_rebuild()
    with writer.batch(str, g) as batch:
        batch.apply(Put(entry("b", "New")))
        batch.reach(4, "event 4")
    assert ids(reader, "old") == ["a"] and ids(reader, "new") == []
    assert not writer.switch(g), "it is behind"
    with writer.batch(str, g) as batch:
        batch.reach(6, "event 6")
    assert writer.switch(g)
    assert ids(reader, "old") == [] and ids(reader, "new") == ["b"]
    assert writer.position() == (6, "event 6")


def test_another_form_is_refused_aloud_and_begun_anew_by_who_writes(
    place: Place, writer: IndexWriter, reader: SearchReader
) -> None:
    put(writer, entry("a", "Something"), position=5)
    with closing(engine(place).writer()) as session:
        session.execute("UPDATE generations SET form = ?", ("search:0",))
    with pytest.raises(SearchFormError, match=r"'search:0'.*reads"):
        reader.find("something", ALL)
    with pytest.raises(SearchFormError, match="writes"):
        put(writer, entry("b", "Something"))
    with IndexWriter(place) as later:
        assert later.position() == (0, "")
        put(later, entry("b", "Something"))
        assert ids(reader, "something") == ["b"]


def test_where_there_is_no_index_that_is_said(place: Place) -> None:
    with closing(SearchReader(place)) as reader, pytest.raises(UnavailableError, match="no search index"):
        reader.find("anything", ALL)
