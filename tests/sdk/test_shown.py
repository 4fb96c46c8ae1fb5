"""What a notebook and a terminal see: tables, plots, bars; and that nobody's words become markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import matplotlib as mpl
import pandas
import polars
import pytest

from events.ids import TaskState
from tests.sdk.scripted import card, ok, server
from vapora import views
from vapora.commands import CreateProject
from vapora.errors import BadInputError, NotFoundError
from vapora.sdk import Client, Rows, WaitTimeoutError
from vapora.sdk.shapes import Board, Budgets, Changes, Costs, Dashboard, Learning, Why

mpl.use("Agg")
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> $a_b$ \x1b[2J \u202egnp"
CARD = views.TaskCard.model_validate(
    card(title=EVIL, description=EVIL, comment=EVIL, doing=EVIL, task_type=EVIL, assigned_agent=EVIL, labels=[EVIL],
         waiting={"reason": "budget", "since": "2026-11-20T09:00:00Z", "remedy": EVIL},
         question={"run_id": "r", "call_id": "c", "text": EVIL})
)  # fmt: skip
BOARD = Board(position=3, columns={"in-progress": (CARD,) * 15, "done": ()}, counts={"in-progress": 15, "done": 0})
CHECK = views.CheckResult(name=EVIL, command=EVIL, exit_code=1, ended="", duration_ms=1, output=EVIL, truncated=False)
CHANGES = Changes(
    branch=EVIL, base="0" * 40, head="1" * 40, commits=(), patch=f"+{EVIL}\n-{EVIL}\n@@ {EVIL}\n", truncated=True,
    files=(views.ChangedFile(path=EVIL, old_path=EVIL, status="renamed", additions=1, deletions=2, binary=False),),
    checks=(CHECK,),
    conflicts=(EVIL,), approved_head=None,
)  # fmt: skip
WHY = Why(
    decisions=(
        views.Decision(position=1, kind="budget", chosen="reserved", reason=EVIL, budget=EVIL, policy=EVIL),
        views.Decision(
            position=2, kind="agent", chosen="tester", reason=EVIL, propensity=0.5,
            candidates=(
                {"id": "tester", "score": 0.9, "parts": {EVIL: 0.4, "load": 0.5}, "excluded": None},
                {"id": EVIL, "score": 0.0, "parts": None, "excluded": EVIL},
                {"id": "$other$", "score": 0.2, "parts": {"load": 0.2}, "excluded": None},
            ),
        ),
    )
)  # fmt: skip
BUDGET = views.BudgetView(
    scope="role", id=EVIL, tier="near", when_exceeded="stop", monthly_limit_cents=500, weekly_limit_cents=None,
    overflow_cents=0, monthly_spent_microusd=4_100_000, weekly_spent_microusd=0, monthly_held_microusd=30_000,
    weekly_held_microusd=0, utilisation=0.82, position=1,
)  # fmt: skip
COST = views.Cost(
    key={"role": EVIL, "day": "2026-11-20"}, cost_microusd=12_345, tokens_in=10, tokens_out=5, calls=1, simulated=False
)
SIMULATED = COST.model_copy(update={"simulated": True, "cost_microusd": 1})


def numbers(line: Any) -> list[float]:
    return [float(one) for one in line.get_ydata()]


class _Tags(HTMLParser):
    """The names of all elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize(
    "shown",
    [CARD, BOARD, CHANGES, WHY, BUDGET, COST, Rows([CARD]), Budgets([BUDGET]), Costs([COST, SIMULATED]), Rows([])],
    ids=lambda shown: type(shown).__name__,
)
def test_whatever_it_says_it_is_text_and_nothing_else(shown: Any) -> None:
    html = shown._repr_html_()
    tags = _Tags()
    tags.feed(html)
    assert not tags.elements & {"script", "img", "a", "iframe", "style", "svg"}
    assert tags.attributes <= {"style", "role", "title", "aria-label", "scope", "open"}
    assert "http" not in html
    for text in (html, str(shown)):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_what_matters_is_on_show() -> None:
    assert "&lt;script&gt;" in CARD._repr_html_()  # type: ignore[operator]
    assert "$0.0123" in str(CARD) and "waits for budget" in str(CARD)
    assert "and 3 more" in str(BOARD) and "and 3 more" in BOARD._repr_html_()  # type: ignore[operator]
    assert "$4.10 spent + $0.03 held of $5.00" in str(BUDGET)
    assert "$0.012345 and $0.000001 simulated" in Costs([COST, SIMULATED])._repr_html_()
    assert "chosen with probability 0.50" in WHY._repr_html_()  # type: ignore[operator]
    assert "renamed" in str(CHANGES) and "check" in str(CHANGES)
    assert repr(CARD).startswith("TaskCard(id='task-1'")


def test_tables_hold_exact_money_and_one_level_of_what_is_nested() -> None:
    costs = Costs([COST, SIMULATED]).to_frame()
    assert isinstance(costs, pandas.DataFrame)
    assert list(costs.columns[:2]) == ["role", "day"]
    assert costs["cost_microusd"].tolist() == [12_345, 1]
    cards = BOARD.to_frame("polars")
    assert isinstance(cards, polars.DataFrame)
    assert cards["waiting.reason"].to_list() == ["budget"] * 15
    assert cards["runs"].to_list() == [0] * 15
    assert str(cards["created_at"].dtype.time_zone) == "UTC"  # type: ignore[attr-defined]
    scores = WHY.to_frame()
    assert scores["is_chosen"].tolist()[1:] == [True, False, False]
    assert scores["part.load"].tolist()[1] == 0.5
    assert CHANGES.to_frame()["additions"].tolist() == [1]
    with pytest.raises(BadInputError, match="'arrow'"):
        WHY.to_frame("arrow")  # type: ignore[call-overload]


def test_a_list_of_many_pages_becomes_one_table() -> None:
    def page(number: int) -> dict[str, Any]:
        items = [card(id=f"task-{number}"), card(id=f"task-{number}b", waiting=None, labels=["x"])]
        return {"items": items, "next": "more" if number < 2 else None}

    with server(lambda asked: ok(page(asked.number % 3))) as site, Client(site.url) as client:
        assert client.tasks().to_frame()["id"].tolist() == [
            "task-0",
            "task-0b",
            "task-1",
            "task-1b",
            "task-2",
            "task-2b",
        ]
        assert len(client.tasks().all()) == 6
        once = client.tasks()
        assert next(once).id == "task-0"
        assert len(list(once)) == 5
        assert list(once) == []


def test_what_is_drawn_shows_the_numbers_and_takes_nobodys_words_for_formulas() -> None:
    ax = Costs(
        [COST, SIMULATED.model_copy(update={"key": {"role": EVIL}}), COST.model_copy(update={"key": {"role": "$x$"}})]
    )
    drawn = ax.plot()
    assert sorted(bar.get_width() for bar in drawn.patches) == pytest.approx([0.000001, 0.012345, 0.012345])  # type: ignore[attr-defined]
    by_day = Costs([COST, COST.model_copy(update={"key": {"role": "b", "day": "2026-11-21"}})]).plot()
    assert [label.get_text() for label in by_day.get_xticklabels()] == ["2026-11-20", "2026-11-21"]
    assert Budgets([BUDGET]).plot().get_title() == "Budgets"
    scores = WHY.plot()
    assert [bar.get_width() for bar in scores.patches] == [0.2, 0.9]  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError, match="There are: agent"):
        WHY.plot("provider")
    curve = tuple(
        views.CurvePoint(day=day, task_type="t", runs=1, success_rate=rate, cost_microusd=1, simulated=False)
        for day, rate in (("2026-11-21", 1.0), ("2026-11-20", 0.5))
    )
    learned = Learning(profiles=(), curve=curve).plot()
    assert numbers(learned.lines[-1]) == [0.5, 1.0]
    day = views.FlowDay(
        day="2026-11-20", cards={"todo": 2, "review": 1, "done": 9}, submitted=3, done=1, failed=0, lead_s=1, cycle_s=1
    )
    flow = Dashboard(project_id=None, position=1, cards={}, days=(day,), lead=None, cycle=None, team=())
    assert numbers(flow.plot().lines[0]) == [3]
    assert flow.to_frame()["cards.done"].tolist() == [9]
    for axes in (drawn, by_day, scores, learned):
        axes.figure.canvas.draw()
    import matplotlib.pyplot as plt

    plt.close("all")


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"install vapora\[notebook\]"):
        Rows([CARD]).to_frame()


def test_a_wait_tells_how_far_it_is_where_there_is_no_terminal(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    project = client.create_project(CreateProject(name="Bars"))
    seen: list[TaskState] = []
    task = client.projects[project.id].tasks.submit("Say \x1b[2J hello", review="none")
    task.wait(240, progress=True)
    task.wait(240, progress=lambda card: seen.append(card.state))
    said = capsys.readouterr().err
    assert re.search(r"3/3 Say .* · Done · .* simulated · \d+ s", said)
    assert "\x1b" not in said
    assert seen == [TaskState.DONE]


def test_a_backlog_is_handed_in_once_and_waited_for(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    project = client.projects.create("Backlog")
    bodies: list[dict[str, Any]] = [
        {"title": "First of all", "review": "none"},
        {"title": "Then this", "review": "none", "blocked_by": [0]},
    ]
    backlog = project.backlog(bodies, key=f"backlog-{project.id()}")
    cards = backlog.run(timeout=240, progress=True)
    again = project.backlog(bodies, key=f"backlog-{project.id()}").run(timeout=240)
    assert [one.state for one in cards] == [TaskState.DONE, TaskState.DONE]
    assert cards[1].blocked_by == (cards[0].id,)
    assert [one.id for one in again] == [one.id for one in cards]
    assert "2/2 2 done" in capsys.readouterr().err


def test_a_backlog_that_is_not_done_in_time_says_what_is_open(client: Client) -> None:
    project = client.projects.create("Slow")
    client.pause_project(project.id())
    backlog = project.backlog(["Do it one day"])
    with pytest.raises(WaitTimeoutError, match="1 of 1 tasks are not settled after 0 s"):
        backlog.run(timeout=0)
    assert len(backlog.tasks) == 1


def test_changes_are_followed_each_of_its_type(client: Client) -> None:
    project = client.projects.create("Followed")
    before = client.position()
    task = project.tasks.submit("Watch this", review="none")
    for change in client.follow(views.TaskChange, after=before):
        if change.row.id == task.id and change.row.state is TaskState.DONE:
            break
    kinds = set()
    for any_change in task.follow():
        kinds.add(any_change.view)
        if isinstance(any_change, views.TaskChange) and any_change.row.state is TaskState.DONE:
            break
    assert "task" in kinds
    assert task.cancel() is None
