"""Each check of the crash test is shown to see its fault: it is planted in a copy of what a sound run left."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from events import DomainEvent, Recorded
from events.budget import BudgetSet, SpendReserved, SpendSettled, SpendUnknown
from events.content import Content
from events.ids import TaskState
from events.run import ArtifactRecorded, ModelCalled, RunStarted, RunSucceeded
from events.task import TaskAssigned, TaskCompleted, TaskSubmitted
from tests.chaos.office import LEFT, Kill, Office
from tests.chaos.records import WORKSPACE, Records
from vapora.domain.swarm import rules as swarm
from vapora.domain.swarm.state import Swarm
from vapora.errors import NotFoundError
from vapora.testing import soundness as checks
from vapora.testing.agreement import cards, ledger, queue, read_models
from vapora.testing.soundness import Discrepancy

Log = list[Recorded]
_MOST_ROUNDS = 8


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """What rounds left in which the router died with a call out, so that there is money of every outcome, and NATS too.

    Whether a call is out when the router dies is for the machine to say: mostly in the first round.
    """

    async def work() -> Records:
        async with Office(tmp_path_factory.mktemp("sound"), random.Random(7), nats=True) as office:
            office.plan.append(Kill("nats", 60))
            for _ in range(_MOST_ROUNDS):
                office.plan.append(Kill("router", 150))
                await office.work()
                left = (await office.quiet())[0]
                if any(isinstance(one.event, SpendUnknown) for one in left.log):
                    return left
            raise AssertionError(f"The router died {_MOST_ROUNDS} times, and never with a call out.")

    return asyncio.run(work())


def _first(log: Log, kind: type[DomainEvent]) -> int:
    return next(index for index, one in enumerate(log) if isinstance(one.event, kind))


def _without(kind: type[DomainEvent]) -> Callable[[Log], Log]:
    def plant(log: Log) -> Log:
        index = _first(log, kind)
        return [*log[:index], *log[index + 1 :]]

    return plant


def _again(kind: type[DomainEvent]) -> Callable[[Log], Log]:
    """The event once more at the end, rightly numbered: only what it says is wrong."""

    def plant(log: Log) -> Log:
        one = log[_first(log, kind)]
        version = sum(other.stream == one.stream for other in log) + 1
        now = log[-1].recorded_at
        return [*log, replace(one, position=log[-1].position + 1, version=version, recorded_at=now)]

    return plant


def _changed(kind: type[DomainEvent], **fields: Any) -> Callable[[Log], Log]:
    def plant(log: Log) -> Log:
        index = _first(log, kind)
        event = log[index].event.model_copy(update=fields)
        return [*log[:index], replace(log[index], event=event), *log[index + 1 :]]

    return plant


def _enveloped(**fields: Any) -> Callable[[Log], Log]:
    return lambda log: [*log[:20], replace(log[20], **fields), *log[21:]]


def _swapped(log: Log) -> Log:
    return [*log[:20], log[21], log[20], *log[22:]]


def _in_the_past(log: Log) -> Log:
    return [*log[:-1], replace(log[-1], recorded_at=log[0].recorded_at - timedelta(seconds=1))]


LOG_FAULTS: list[tuple[str, str, Callable[[Log], Log]]] = [
    ("a dropped event", "order", _without(RunStarted)),
    ("a doubled event", "order", lambda log: [*log[:20], log[20], *log[20:]]),
    ("two swapped events", "order", _swapped),
    ("time that goes back", "order", _in_the_past),
    ("a cause after its effect", "order", _enveloped(causation=10_000)),
    ("a version left out", "order", _enveloped(version=99)),
    ("a task that did not end", "tasks", _without(TaskCompleted)),
    ("a task that ended twice", "tasks", _again(TaskCompleted)),
    ("an end of a task that nobody handed in", "tasks", _without(TaskSubmitted)),
    ("a task done by a run that did not succeed", "tasks", _changed(TaskCompleted, run_id="other.1")),
    ("a run that did not end", "runs", _without(RunSucceeded)),
    ("a run that ended twice", "runs", _again(RunSucceeded)),
    ("a run that began twice", "runs", _again(RunStarted)),
    ("a run that was assigned twice", "runs", _again(TaskAssigned)),
    ("a run that nobody was given", "runs", _without(TaskAssigned)),
    ("a run without its work product", "runs", _without(ArtifactRecorded)),
    ("an answer recorded twice", "answers", _again(ModelCalled)),
    ("an answer that is missing", "answers", _without(ModelCalled)),
    ("an answer with another price", "answers", _changed(ModelCalled, cost_microusd=1)),
    ("an answer without its settlement", "answers", _without(SpendSettled)),
    ("a reservation left open", "money", _without(SpendSettled)),
    ("a worst case not booked", "money", _without(SpendUnknown)),
    ("a reservation made twice", "money", _again(SpendReserved)),
    ("a call settled twice", "money", _again(SpendSettled)),
    ("a call settled without a reservation", "money", _without(SpendReserved)),
    ("a limit that was crossed", "money", _changed(BudgetSet, monthly_limit_microusd=1)),
]


@pytest.mark.parametrize(
    ("check", "plant"), [fault[1:] for fault in LOG_FAULTS], ids=[fault[0] for fault in LOG_FAULTS]
)
def test_a_fault_planted_in_the_log_is_found(sound: Records, check: str, plant: Callable[[Log], Log]) -> None:
    found = checks.soundness(plant(sound.log), WORKSPACE, sound.waiting)
    assert check in {one.check for one in found}, found


def test_a_task_that_is_left_waiting_and_one_that_should_be_are_told_apart(sound: Records) -> None:
    assert len(sound.waiting) == LEFT
    assert len(checks.tasks_ended(sound.log)) == LEFT
    done = sound.log[_first(sound.log, TaskCompleted)].event.task_id  # type: ignore[attr-defined]
    assert len(checks.tasks_ended(sound.log, [*sound.waiting, done])) == 1


def test_what_a_sound_run_left_has_no_finding(sound: Records) -> None:
    assert sound.findings() == []


def test_money_outside_the_ledger_is_found(sound: Records) -> None:
    index = _first(sound.log, SpendSettled)
    moved = [*sound.log[:index], replace(sound.log[index], stream="elsewhere"), *sound.log[index + 1 :]]
    assert "elsewhere" in {one.where for one in checks.money(moved, WORKSPACE)}


@pytest.mark.parametrize("difference", ["more", "less"])
def test_a_bill_that_the_log_does_not_explain_is_found(sound: Records, difference: str) -> None:
    booked = sum(one.event.amount_microusd for one in sound.log if isinstance(one.event, SpendUnknown))
    settled = sum(one.event.cost_microusd for one in sound.log if isinstance(one.event, SpendSettled))
    wrong = settled + booked + 1 if difference == "more" else settled - 1
    assert [one.check for one in checks.billed(sound.log, wrong)] == ["billed"]


def test_an_acknowledged_append_that_is_lost_or_another_is_found(sound: Records) -> None:
    assert len(sound.accepted) > 50
    last = max(sound.accepted)
    lost = [one for one in sound.log if one.position < last]
    assert [one.where for one in checks.kept(lost, sound.accepted)] == [f"position {last}"]
    other = [replace(one, request_id="other") if one.position == last else one for one in sound.log]
    assert [one.where for one in checks.kept(other, sound.accepted)] == [f"position {last}"]


def test_a_text_that_is_not_there_is_found(sound: Records) -> None:
    gone = _changed(ModelCalled, answer=Content(digest="0" * 64, size=9))(sound.log)

    def text(content: Content) -> str:
        if content.text is None:
            raise NotFoundError("no such text")
        return content.text

    assert [one.check for one in checks.contents(gone, text)] == ["contents"]
    assert checks.contents(sound.log, text) == []


def test_a_row_that_is_missing_changed_or_too_many_is_found_in_every_table_that_has_rows(sound: Records) -> None:
    tables = [name for name, rows in sound.rows.items() if rows]
    assert len(tables) > 10
    for name in tables:
        rows = sound.rows[name]
        changed = {**rows[0], "position": rows[0]["position"] + 1}
        for fault in (rows[1:], [changed, *rows[1:]], [*rows, rows[0]]):
            found = read_models({**sound.rows, name: fault}, sound.log)
            assert [(one.check, one.where) for one in found] == [("read models", name)]


def test_a_read_model_that_is_gone_is_found(sound: Records) -> None:
    assert {one.check for one in read_models({}, sound.log)} == {"read models"}


def test_a_card_that_is_missing_changed_or_nobodys_is_found(sound: Records) -> None:
    some = min(task_id for task_id, card in sound.cards.items() if card.state is TaskState.DONE)
    card = sound.cards[some]
    shown = {task_id: one for task_id, one in sound.cards.items() if task_id != some}
    for wrong in (
        shown,
        {**shown, some: card.model_copy(update={"state": TaskState.TODO})},
        {**shown, some: card.model_copy(update={"title": "Other"})},
        {**sound.cards, "task-0": card},
    ):
        assert len(cards(wrong, sound.log)) == 1


def test_a_ledger_that_is_not_the_logs_is_found(sound: Records) -> None:
    def found(change: Callable[[Any], object]) -> list[str]:
        held = copy.deepcopy(sound.ledger)
        change(held)
        return [one.where for one in ledger(held, sound.log)]

    reservation = sound.log[_first(sound.log, SpendReserved)].event
    assert found(lambda held: setattr(next(iter(held.accounts.values())), "spent", 1)) == ["accounts"]
    assert found(lambda held: setattr(next(iter(held.accounts.values())), "held", 1)) == ["accounts"]
    assert found(lambda held: held.open.update({("c", 1): reservation})) == ["open"]
    assert found(lambda held: held.limits.clear()) == ["limits"]
    assert found(lambda held: held.closed.clear()) == ["closed"]
    assert found(lambda held: held.refused.add(("workspace", "", "2026-11", False))) == ["refused"]


def test_a_queue_that_is_not_the_logs_is_found(sound: Records) -> None:
    def found(change: Callable[[Swarm], object], log: Log = sound.log) -> set[str]:
        held = copy.deepcopy(sound.swarm)
        change(held)
        return {one.where for one in queue(held, log)}

    # Somebody handed in one more, and it is in line.
    more = _one_more(sound.log)

    def took_in(held: Swarm) -> None:
        swarm.evolve(held, more[-1])

    def took_in_and(change: Callable[[Swarm], object]) -> Callable[[Swarm], object]:
        def both(held: Swarm) -> None:
            took_in(held)
            change(held)

        return both

    assert found(took_in, more) == set()
    assert found(lambda held: None, more) >= {"open_tasks", "line", "open tasks", "threads"}
    assert "line" in found(took_in_and(lambda held: held.line.take("task-new")), more)
    assert "open tasks" in found(took_in_and(lambda held: held.open_tasks.clear()), more)
    assert found(lambda held: held.start("task-x.1", "tester")) == {"_in_flight"}
    assert found(lambda held: held.agents.pop("tester")) >= {"agents"}
    assert found(lambda held: held.dependencies.done("task-x")) == {"dependencies"}
    busy = next(one.event.agent_id for one in sound.log if isinstance(one.event, RunSucceeded))
    assert found(lambda held: held.history(busy, False)._all.clear()) == {"_histories"}


def _one_more(log: Log) -> Log:
    submitted = log[_first(log, TaskSubmitted)]
    event = submitted.event.model_copy(update={"task_id": "task-new"})
    return [*log, replace(submitted, position=log[-1].position + 1, stream="task:task-new", version=1, event=event)]


def test_a_finding_says_what_where_and_how() -> None:
    assert str(Discrepancy("order", "ledger", "a gap")) == "order: ledger: a gap"
