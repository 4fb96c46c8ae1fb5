"""The shipped backlog gives every role work at once; a file of the user's own is checked clearly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from vapora.catalog import ROLE_IDS, infer_task_type, load_backlog, role, task_types
from vapora.errors import CatalogError

BODY_FIELDS = {"title", "description", "type", "task_type", "role", "priority", "review"}
BOARD_TYPES = {"feature", "bugfix", "enhancement", "tech-debt"}


def test_the_shipped_backlog_has_enough_tasks_for_every_role() -> None:
    backlog = load_backlog(None)
    named = Counter(body["role"] for body in backlog if "role" in body)
    assert len(backlog) >= 30
    assert {role_id: named[role_id] >= 1 for role_id in ROLE_IDS} == dict.fromkeys(ROLE_IDS, True)


@pytest.mark.parametrize("role_id", ROLE_IDS)
def test_each_role_may_work_on_two_shipped_tasks_or_more(role_id: str) -> None:
    able = [
        body["title"]
        for body in load_backlog(None)
        if body.get("role", role_id) == role_id and body["task_type"] in role(role_id).task_types
    ]
    assert len(able) >= 2


def test_the_shipped_backlog_has_every_type_that_a_text_model_can_do() -> None:
    used = {body["task_type"] for body in load_backlog(None)}
    assert used == set(task_types()) - {"embeddings", "semantic-search"}


def test_the_shipped_tasks_are_bodies_that_the_api_takes() -> None:
    for body in load_backlog(None):
        assert set(body) <= BODY_FIELDS, body["title"]
        assert 3 <= len(body["title"]) <= 500
        assert len(body["description"]) >= 100, body["title"]
        assert body["type"] in BOARD_TYPES
        assert 0 <= body["priority"] <= 100
        assert body["review"] == "none"
        if "role" in body:
            assert body["task_type"] in role(body["role"]).task_types, body["title"]


def test_the_shipped_tasks_have_titles_of_their_own_and_wait_for_nothing() -> None:
    backlog = load_backlog(None)
    assert len({body["title"] for body in backlog}) == len(backlog)
    assert not any("blocked_by" in body for body in backlog)


def test_the_shipped_priorities_are_spread_over_all_three_bands() -> None:
    bands = Counter(min(body["priority"] // 34, 2) for body in load_backlog(None))
    assert all(bands[band] >= 4 for band in range(3))


def test_the_types_of_the_shipped_tasks_would_mostly_be_inferred_alike() -> None:
    backlog = load_backlog(None)
    wrong = [
        body["title"]
        for body in backlog
        if infer_task_type(body["title"], body["description"], body["type"])[0] != body["task_type"]
    ]
    assert len(wrong) <= len(backlog) // 8, wrong


def test_a_backlog_of_the_users_own_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    second = "- title: Second\n  deadline: 2026-03-01\n  blocked_by: [t-1]\n"
    path.write_text("- title: First\n" + second, encoding="utf-8")
    assert load_backlog(path) == [
        {"title": "First"},
        {"title": "Second", "deadline": "2026-03-01", "blocked_by": ["t-1"]},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not a list of tasks.*one entry a task"),
        ("title: Lonely", "not a list of tasks"),
        ("- title: Good\n- just words", "entry 2 is not a mapping.*key: value"),
        ("- title: Good\n- description: no title", "entry 2 has no title.*3 to 500"),
        ("- title: 42", "entry 1: the title is not text.*quotation marks"),
        ("- title: '  '", "entry 1: the title is not text"),
        ("- title: [unclosed", "(?s)not valid YAML.*line"),
    ],
)
def test_a_file_that_is_no_backlog_is_refused_saying_where_and_what_to_do(
    tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CatalogError, match=said) as caught:
        load_backlog(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nowhere\.yaml.*no such file"):
        load_backlog(tmp_path / "nowhere.yaml")
