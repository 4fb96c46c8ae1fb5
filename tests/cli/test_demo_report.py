from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from events.ids import Scope, Tier, WhenExceeded
from vapora.cli.demo.report import Summary, draw, most_at_once, summarise
from vapora.views import BudgetView, Cost, Decision, EventView, RunSummary, TaskCard, Why

Card = Callable[..., TaskCard]
AT = datetime(2026, 11, 20, tzinfo=UTC)


def event(position: int, topic: str, **fields: Any) -> EventView:
    return EventView(
        position=position, stream="s", version=1, topic=topic, recorded_at=AT, workspace="default", actor="a",
        correlation="c", causation=None, event=fields,
    )  # fmt: skip


def run(task_id: str, agent: str, state: str = "succeeded", cost: int = 1_000) -> RunSummary:
    fields = {"run_id": f"{task_id}.1", "agent_id": agent, "role": agent, "state": state, "started_at": AT}
    return RunSummary.model_validate(fields | {"cost_microusd": cost})


def cost(provider: str, task: str, calls: int, amount: int = 1_000) -> Cost:
    return Cost(
        key={"provider": provider, "task": task},
        cost_microusd=amount,
        tokens_in=10,
        tokens_out=5,
        calls=calls,
        simulated=True,
    )


def budget(role: str, tier: str, spent: int) -> BudgetView:
    return BudgetView(
        scope=Scope.ROLE,
        id=role,
        tier=Tier(tier),
        when_exceeded=WhenExceeded.FALLBACK,
        monthly_limit_cents=6,
        weekly_limit_cents=None,
        overflow_cents=0,
        monthly_spent_microusd=spent,
        weekly_spent_microusd=spent,
        monthly_held_microusd=0,
        weekly_held_microusd=0,
        utilisation=spent / 60_000,
        simulated=True,
        position=1,
    )


@pytest.fixture
def cards(card: Card) -> list[TaskCard]:
    return [
        card("a", state="done", assigned_agent="tester", runs=(run("a", "tester"),), cost_microusd=1_000),
        card(
            "b",
            state="done",
            assigned_agent="developer",
            runs=(run("b", "developer", cost=4_000),),
            cost_microusd=4_000,
        ),
        card(
            "c",
            state="in-progress",
            waiting="budget",
            assigned_agent="developer",
            runs=(run("c", "developer", "waiting"),),
        ),
    ]


@pytest.fixture
def summary(cards: list[TaskCard]) -> Summary:
    return summarised(cards)


def summarised(cards: list[TaskCard]) -> Summary:
    chosen = Decision(position=3, kind="agent", chosen="tester", reason="tester scored 0.40, the best of 2")
    return summarise(
        model="rehearsal",
        project="Shortleaf",
        cards=cards,
        whys={"tester": (cards[0], Why(decisions=(chosen,)))},
        costs=[cost("openai", "a", 3), cost("openai", "b", 3), cost("ollama", "c", 2, 0), cost("openai", "old", 99)],
        budgets=[budget("developer", "exceeded", 50_000), budget("monitor", "normal", 0)],
        run_events=[
            event(1, "run.started", task_id="a", run_id="a.1"),
            event(2, "run.started", task_id="old", run_id="old.1"),
            event(3, "run.started", task_id="b", run_id="b.1"),
            event(4, "run.succeeded", task_id="a", run_id="a.1"),
            event(5, "run.started", task_id="c", run_id="c.1"),
        ],
        policies=[event(2, "p", task_id="a", policy="rules"), event(3, "p", task_id="c", policy="exceeded")],
        wall_s=12.34,
    )


def test_runs_overlap_as_the_log_says_whatever_the_order_of_asking() -> None:
    events = [
        event(1, "run.started", run_id="a"),
        event(2, "run.started", run_id="b"),
        event(3, "run.failed", run_id="a"),
        event(4, "run.started", run_id="c"),
        event(5, "run.cancelled", run_id="b"),
        event(6, "run.succeeded", run_id="c"),
    ]

    assert most_at_once(reversed(events)) == 2
    assert most_at_once([]) == 0


def test_only_this_demo_counts(summary: Summary) -> None:
    assert summary.most_at_once == 2
    assert {one.provider: one.calls for one in summary.providers} == {"openai": 6, "ollama": 2}
    assert summary.providers[0].share == 0.75
    assert summary.routed == {"rules": 1, "exceeded": 1}


def test_it_says_who_did_what_and_why(summary: Summary) -> None:
    workers = {one.agent: one for one in summary.workers}

    assert (workers["developer"].done, workers["developer"].runs) == (1, 2)
    assert workers["developer"].cost_microusd == 5_000
    assert workers["tester"].example == "tester scored 0.40, the best of 2"


def test_what_is_not_done_says_what_it_waits_for(summary: Summary) -> None:
    assert not summary.ok
    assert [(one.task_id, one.waits_for) for one in summary.unfinished] == [("c", "waits for budget: Raise the limit.")]


def test_it_is_good_only_when_every_task_is_done(cards: list[TaskCard]) -> None:
    assert summarised(cards[:2]).ok
    assert not summarised(cards).ok
    nothing = summarise(
        model="real", project="p", cards=[], whys={}, costs=[], budgets=[], run_events=[], policies=[], wall_s=0
    )
    assert not nothing.ok


def test_the_picture_has_everything_in_eighty_columns(summary: Summary) -> None:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(draw(summary, ".vapora-demo"))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()

    assert max(map(len, text.splitlines())) <= 80
    for part in (
        "REHEARSAL",
        "Not everything is done",
        "12.3 s",
        "up to 2 runs at once",
        "tester scored",
        "ollama",
        "75%",
    ):
        assert part in text
    for part in ("exceeded", "waits for budget", "vapora up --data .vapora-demo", "vapora audit budget", "$0.0050"):
        assert part in text
    assert "role monitor" not in text
