"""The pages' sources: their types, their rules, and that they speak of the API as it is."""

from __future__ import annotations

from tests.web import schema


def test_the_types_of_the_api_are_those_of_its_document(built: None) -> None:
    assert schema.TYPES.read_text() == schema.types(), "Run `python -m tests.web.schema`."


def test_the_sources_have_the_types_that_they_say(built: None) -> None:
    schema.run("tsc", "--noEmit")


def test_the_rules_of_the_pages_hold(built: None) -> None:
    schema.run("vitest", "run")
