"""What the demo says of the work in the repository."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from tests.cli.test_demo_report import event
from vapora.cli.demo.work_report import Work, draw, look, tell
from vapora.views import Project, TaskCard

Card = Callable[..., TaskCard]
AT = datetime(2026, 11, 20, tzinfo=UTC)


def project(**given: Any) -> Project:
    fields = {"id": "p", "name": "P", "description": "", "archived": False, "created_at": AT, "position": 1}
    return Project.model_validate({"repo": "/srv/p", "merge_policy": "when-approved"} | fields | given)


def run(number: int, agent: str, purpose: str = "work") -> dict[str, Any]:
    return {
        "run_id": f"a.{number}", "agent_id": agent, "role": agent, "purpose": purpose, "state": "succeeded",
        "started_at": AT,
    }  # fmt: skip


@pytest.fixture
def work(card: Card) -> Work:
    runs = (run(1, "developer"), run(2, "code-reviewer", "review"))
    cards = [
        card("a", state="done", title="Mend it", runs=runs, base="0", head="1", landed={"oid": "a" * 40, "at": AT}),
        card("b", state="done", base="0", head="0", branch="vapora/b"),
    ]
    told = tell(
        project(),
        cards,
        [
            event(1, "run.tool-used", task_id="a", name="file_edit", sandbox=None),
            event(2, "run.tool-used", task_id="a", name="run_command", sandbox="bubblewrap"),
            event(3, "run.checks-ran", task_id="a", run_id="a.1", verdict="red"),
            event(4, "run.checks-ran", task_id="a", run_id="a.1", verdict="green"),
            event(5, "task.review-submitted", task_id="a", review={"verdict": "request-changes"}),
            event(6, "task.rejected", task_id="a", cause="review"),
            event(7, "task.review-submitted", task_id="a", review={"verdict": "approve"}),
            event(8, "task.rejected", task_id="a", cause="conflict"),
            event(9, "run.tool-used", task_id="of-another-demo", name="ask"),
        ],
    )
    assert told is not None
    return told


def test_it_counts_what_was_done_to_the_cards_of_this_demo(work: Work) -> None:
    assert work.tools == {"file_edit": 1, "run_command": 1}
    assert work.sandboxes == ("bubblewrap",)
    assert (work.checks, work.mended) == ({"red": 1, "green": 1}, 1)
    assert (work.approved, work.changes_requested, work.conflicts) == (1, 1, 1)
    assert work.branches == {}
    assert work.over


def test_each_merge_tells_who_made_it_who_approved_it_and_what_stood_in_the_way(work: Work) -> None:
    (merge,) = work.merged
    assert (merge.author, merge.reviewer) == ("developer", "code-reviewer")
    assert merge.story == "mended after a red check, changed after its review, conflict resolved"


def test_work_that_is_not_merged_stays_on_its_branch(card: Card) -> None:
    waiting = card("a", state="done", title="Mend it", base="0", head="1", branch="vapora/a")
    told = tell(project(merge_policy="manual"), [waiting], [])

    assert told is not None
    assert told.branches == {"vapora/a": "Mend it"}
    assert told.over


def test_without_a_repository_there_is_nothing_to_tell(card: Card) -> None:
    assert tell(project(repo=None), [card("a")], []) is None


def test_the_picture_fits_eighty_columns_and_says_how_to_look(work: Work) -> None:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(draw(work))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()

    assert max(map(len, text.splitlines())) <= 80
    for part in ("aaaaaaa", "Mend it", "code-reviewer", "1 green, 1 red", "bubblewrap"):
        assert part in text
    assert [command for command, _ in look(work)] == [
        "git -C /srv/p log --oneline --graph",
        "git -C /srv/p show aaaaaaa",
    ]
