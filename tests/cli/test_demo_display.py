from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from rich.console import Console, RenderableType

from vapora.cli.demo.display import draw, line
from vapora.cli.demo.progress import DemoProgress
from vapora.views import RunSummary, TaskCard

Card = Callable[..., TaskCard]
RUN = RunSummary(
    run_id="b.1", agent_id="tester", role="tester", state="running", calls=1, providers=("openai",),
    started_at=datetime(2026, 11, 20, tzinfo=UTC),
)  # fmt: skip


def shown(drawn: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(drawn)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.fixture
def progress(card: Card) -> DemoProgress:
    cards = [
        *(
            card(f"t{number}", rank=f"{number:04}", title=f"A rather long title of number {number}")
            for number in range(9)
        ),
        card("b", state="in-progress", position=2, assigned_agent="tester", runs=(RUN,), title="Write [bold] tests"),
        card("c", state="in-progress", waiting="budget", assigned_agent="tester"),
        card("d", state="done", cost_microusd=12_000),
        card("f", state="failed"),
    ]
    made = DemoProgress(tuple(one.id for one in cards), changed_at=0)
    made.look(cards, 0)
    return made


@pytest.mark.parametrize("width", [60, 80, 130])
def test_the_picture_fits_its_terminal(progress: DemoProgress, width: int) -> None:
    lines = shown(draw(progress, "Shortleaf", 75, rehearsal=True, width=width), width)

    assert max(map(len, lines)) <= width
    assert len(lines) <= 24


def test_it_shows_counts_agents_money_and_that_it_is_a_rehearsal(progress: DemoProgress) -> None:
    picture = "\n".join(shown(draw(progress, "Shortleaf", 75, rehearsal=True), 80))

    assert "REHEARSAL" in picture
    assert "01:15" in picture
    assert "todo 9" in picture
    assert "failed 1" in picture
    assert "review" not in picture
    assert "Write [bold] tests: call 2 on openai" in picture
    assert "waits for budget" in picture
    assert "1/13 done" in picture
    assert "$0.02 simulated" in picture
    assert "+ 5 more" in picture


def test_with_real_models_nothing_speaks_of_a_rehearsal(progress: DemoProgress) -> None:
    assert "REHEARSAL" not in "\n".join(shown(draw(progress, "Shortleaf", 1, rehearsal=False), 80))


def test_where_nobody_looks_a_change_is_a_line(card: Card) -> None:
    told = line(card("a", state="done", assigned_agent="tester"), 61)

    assert told == "01:01  done         Task a  tester"


def landed(oid: str, minute: int) -> dict[str, object]:
    return {"oid": oid * 8, "at": datetime(2026, 11, 20, 12, minute, tzinfo=UTC)}


def test_it_shows_what_is_done_in_the_repository_who_reviews_it_and_what_was_merged(card: Card) -> None:
    review = RUN.model_copy(update={"agent_id": "code-reviewer", "purpose": "review"})
    cards = [
        card("a", state="in-progress", assigned_agent="tester", runs=(RUN,), doing="run_command: make test"),
        card("b", state="review", assigned_agent="developer", runs=(RUN, review), title="Mend it", doing="git_diff"),
        card("c", state="done", title="The first", landed=landed("abcdef0", 1)),
        card("d", state="done", title="The second", landed=landed("1234567", 2)),
        card("e", waiting="dependency"),
    ]
    made = DemoProgress(tuple(one.id for one in cards), changed_at=0, lands=True)
    made.look(cards, 0)

    picture = "\n".join(shown(draw(made, "Shortleaf", 75, rehearsal=True, width=100), 100))

    assert "Task a: run_command: make test" in picture
    assert "code-reviewer 1 review: Mend it: git_diff" in picture
    assert "2 merged, newest: 1234567 The second" in picture
    # It starts by itself: nobody has to know.
    assert "dependency" not in picture


def test_lines_tell_of_merges_and_of_what_is_sent_back_and_nothing_of_cards_that_only_wait(card: Card) -> None:
    problem = {"kind": "merge-conflict", "message": "m", "paths": ("a",), "at": RUN.started_at}

    assert line(card("a"), 3) == ""
    assert line(card("a", state="done", landed=landed("abcdef0", 1)), 3) == "00:03  merged       Task a  abcdef0"
    assert line(card("a", runs=(RUN,)), 3).endswith("changes were asked for")
    assert line(card("a", runs=(RUN,), landing_problem=problem), 3).endswith("a conflict")
    assert line(card("a", state="review", checks="red", assigned_agent="tester"), 3).endswith("tester  checks red")
