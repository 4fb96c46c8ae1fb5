"""Guessing a task's type from its words."""

from __future__ import annotations

import pytest

from vapora.catalog import infer_task_type, role, task_types
from vapora.catalog.inference import BY_BOARD_TYPE, DEFAULT_TASK_TYPE, HINTS, THINGS, VERBS
from vapora.errors import NotFoundError


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Add login page", "code-generation"),
        ("Fix crash on empty slug", "code-generation"),
        ("Search links by tag", DEFAULT_TASK_TYPE),
        ("Refactor the billing module", "code-refactor"),
        ("Add unit tests for the parser", "unit-test"),
        ("Add integration tests for login", "integration-test"),
        ("Fix flaky end-to-end test", "integration-test"),
        ("Review the login change", "code-review"),
        ("Look at pull request 17", "code-review"),
        ("Design the click storage", "architecture-design"),
        ("Write an ADR about caching", "architecture-design"),
        ("Threat model for uploads", "security-analysis"),
        ("Investigate CVE-2026-1234", "security-analysis"),
        ("Benchmark the JSON encoder", "performance-analysis"),
        ("Redirects are slow on Mondays", "performance-analysis"),
        ("Update the README", "document-generation"),
        ("API reference for webhooks", "api-documentation"),
        ("Document the orders API", "api-documentation"),
        ("Prepare the demo for Friday", "presentation"),
        ("Look for SQL injection in the search", "security-analysis"),
        ("Docstrings for the repository class", "code-documentation"),
        ("Deploy version 2 to staging", "deployment"),
        ("Helm chart for the worker", "deployment"),
        ("Alerting for the queue", "monitoring"),
        ("Write the launch announcement", "marketing-copy"),
        ("Slides for the board meeting", "presentation"),
        ("Plan the next sprint", "planning"),
        ("Decide which database we use", "decision"),
        ("Vectorise the handbook", "embeddings"),
        ("Semantic search over tickets", "semantic-search"),
        ("How do I reset my password?", "general-query"),
        ("Hello", DEFAULT_TASK_TYPE),
        ("", DEFAULT_TASK_TYPE),
    ],
)
def test_the_words_of_a_title_tell_its_type(title: str, expected: str) -> None:
    assert infer_task_type(title)[0] == expected


def test_the_title_outweighs_the_description() -> None:
    assert infer_task_type("Add login page", "Then update the README")[0] == "code-generation"


def test_the_description_is_read_when_the_title_says_nothing() -> None:
    assert infer_task_type("Shortleaf 1.4", "We need release notes for it.") == (
        "document-generation",
        "the description says 'release notes'",
    )


def test_words_are_matched_whole() -> None:
    assert infer_task_type("Contest rules")[0] == DEFAULT_TASK_TYPE
    assert infer_task_type("Additional thoughts")[0] == DEFAULT_TASK_TYPE


@pytest.mark.parametrize(("board_type", "expected"), BY_BOARD_TYPE.items())
def test_the_board_type_decides_when_the_words_say_nothing(board_type: str, expected: str) -> None:
    assert infer_task_type("Dark mode", "", board_type) == (expected, f"the board type is {board_type}")


def test_the_words_outweigh_the_board_type() -> None:
    assert infer_task_type("Update the changelog", "", "bugfix")[0] == "document-generation"


def test_a_named_role_allows_only_its_own_types() -> None:
    assert infer_task_type("Add unit tests for the parser", "", None, "developer")[0] == "code-generation"
    assert infer_task_type("Add login page", "", None, "tester") == (
        "unit-test",
        "the main task type of the role tester; the words say nothing more",
    )


def test_a_role_with_one_type_needs_no_words() -> None:
    assert infer_task_type("Anything", "", None, "architect") == (
        "architecture-design",
        "the only task type of the role architect",
    )


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no role 'wizard'"):
        infer_task_type("Anything", "", None, "wizard")


def test_the_reason_quotes_the_word_that_decided() -> None:
    assert infer_task_type("Refactor the parser") == ("code-refactor", "the title says 'refactor'")


def test_every_rule_leads_to_a_type_that_some_role_can_do() -> None:
    used = {rule.task_type for rule in (*THINGS, *VERBS, *HINTS)} | set(BY_BOARD_TYPE.values())
    assert used == set(task_types())
    assert DEFAULT_TASK_TYPE in role("project-manager").task_types
