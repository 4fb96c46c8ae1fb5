from __future__ import annotations

import pytest

from vapora.domain.rank_fusion import reciprocal_rank
from vapora.search.query import Term, parse
from vapora.search.snippets import snippet
from vapora.search.words import distance, stem, wholes, words


def test_words_and_identifiers() -> None:
    assert [one.text for one in words("HTTPServer max_retries v2 don't Größe")] == [
        "http", "server", "max", "retries", "v", "2", "don", "t", "grosse",
    ]  # fmt: skip
    assert list(wholes("maxRetries max_retries plain Größe")) == ["maxretries", "maxretries"]
    text = "call maxRetries()"
    assert [text[one.start : one.end] for one in words(text)] == ["call", "max", "Retries"]


@pytest.mark.parametrize(
    "forms",
    [
        "retry retries retried retrying",
        "stop stops stopped stopping",
        "cache caches cached caching",
        "index indexes indexed",
        "payment payments",
        "class classes",
        "match matches matched matching",
    ],
)
def test_forms_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1, {form: stem(form) for form in forms.split()}


def test_others_do_not() -> None:
    assert stem("status") == "status" and stem("string") != stem("stre") and stem("bring") == "bring"


def test_slips_are_counted() -> None:
    assert distance("deploy", "delpoy", 2) == 1
    assert distance("cache", "cached", 2) == 1
    assert distance("cache", "queue", 2) == 3
    assert distance("same", "same", 1) == 0


def test_a_question_is_taken_apart() -> None:
    asked = parse('"two words" -without begin* the max_retries last')
    assert asked.wanted == (
        Term(("two", "words")), Term(("begin",), prefix=True), Term(("max", "retries")),
        Term(("last",), prefix=True, typed=True),
    )  # fmt: skip
    assert asked.unwanted == (Term(("without",)),)
    assert parse("to be or not to be").wanted, "stop words alone are words"
    assert parse("x" * 10_000).wanted and not parse("!?").wanted


def test_a_snippet_marks_whole_words_and_is_short() -> None:
    found = snippet("one two three", {"two"})
    assert [(piece.text, piece.hit) for piece in found] == [("one ", False), ("two", True), (" three", False)]
    assert sum(len(piece.text) for piece in snippet("word " * 1_000, {"word"})) < 230
    assert snippet("", {"x"}) == ()


def test_rankings_made_one() -> None:
    assert reciprocal_rank([]) == []
    fused = reciprocal_rank([["a", "b", "c"], ["b", "d"]])
    assert [item for item, _ in fused] == ["b", "a", "d", "c"]
    assert dict(fused)["b"] == pytest.approx(1 / 62 + 1 / 61)
    assert [item for item, _ in reciprocal_rank([["a", "a", "b"]], k=0)] == ["a", "b"]
