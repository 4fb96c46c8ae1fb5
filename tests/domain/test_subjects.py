"""R13, R14."""

from __future__ import annotations

import pytest

from vapora.domain.subjects import subject


@pytest.mark.parametrize(
    ("priority", "level"),
    [(0, "low"), (33, "low"), (34, "medium"), (50, "medium"), (66, "medium"), (67, "high"), (100, "high")],
)
def test_the_subject_tells_type_and_level_of_priority(priority: int, level: str) -> None:
    assert subject("code-generation", priority) == f"tasks.code-generation.{level}"


def test_every_workspace_but_the_default_one_stands_in_front() -> None:
    assert subject("unit-test", 50, "default") == "tasks.unit-test.medium"
    assert subject("unit-test", 50, "acme") == "acme.tasks.unit-test.medium"
