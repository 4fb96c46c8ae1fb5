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
    assert "call 2 on openai: Write [bold] tests" in picture
    assert "waits for budget" in picture
    assert "1/13 done" in picture
    assert "$0.02 simulated" in picture
    assert "+ 5 more" in picture


def test_with_real_models_nothing_speaks_of_a_rehearsal(progress: DemoProgress) -> None:
    assert "REHEARSAL" not in "\n".join(shown(draw(progress, "Shortleaf", 1, rehearsal=False), 80))


def test_where_nobody_looks_a_change_is_a_line(card: Card) -> None:
    told = line(card("a", state="done", assigned_agent="tester"), 61)

    assert told == "01:01  done         Task a  tester"
