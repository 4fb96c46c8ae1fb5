"""Whatever the log holds and however it is cut: rows are a function of the log alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import agent, budget, project, run, task
from events.ids import Review, Scope, TaskState, WaitReason
from events.money import MicroUsd
from projections import MemoryRows, ReadStore, Runner, all_projections
from projections.board import Board, board
from projections.budgets import Budgets, budget_of
from projections.engine.base import Projection
from projections.flow import Flow, dashboard
from projections.profiles import Profiles, learning
from tests import rounds
from tests.domain.usage import usage
from tests.projections.story import WORKSPACE, Story, dump
from vapora.database import Database
from vapora.domain import ledger as ledgers
from vapora.domain.learning import History, RunOutcome

TASKS = ("t-1", "t-2", "t-3")
AGENTS = ("developer", "tester")


class Teller:
    """Turns arbitrary numbers into a log that could have been: what makes no sense now, it leaves out."""

    def __init__(self) -> None:
        self.story = Story()
        self.states: dict[str, TaskState] = {}
        self.runs: dict[str, str] = {}
        self.open: list[str] = []
        self.numbers = 0

    def step(self, what: int, which: int, amount: int) -> None:
        task_id = TASKS[which % 3]
        state = self.states.get(task_id)
        run_id = self.runs.get(task_id)
        if what == 0:
            self.money(which, amount)
        elif what == 1:
            self.people(which, amount)
        elif what == 2:
            self.story.later(hours=amount)
        elif state is None:
            self.story.submit(task_id, blocked_by=(TASKS[amount % 3],) if amount % 4 == 0 else ())
            self.states[task_id] = TaskState.TODO
        elif state is TaskState.IN_PROGRESS and run_id is not None:
            self.work(task_id, run_id, what, amount)
        else:
            self.move(task_id, state, run_id, what, amount)

    def money(self, which: int, amount: int) -> None:
        if self.open and amount % 3:
            call_id = self.open.pop(which % len(self.open))
            if amount % 3 == 1:
                self.story.lose(call_id, 99)
            else:
                self.story.release(call_id)
            return
        scope, scope_id = [
            (Scope.ROLE, "developer"),
            (Scope.AGENT, "tester"),
            (Scope.TASK, "t-1"),
            (Scope.WORKSPACE, WORKSPACE),
        ][which % 4]
        if amount % 2:
            limits = {"monthly_limit_microusd": MicroUsd(amount * 10), "weekly_limit_microusd": MicroUsd(amount * 5)}
            self.story.tell(budget.BudgetSet(scope=scope, scope_id=scope_id, **limits))
            return
        window = ledgers.windows(self.story.at)
        within = window.month if amount % 4 else window.week
        fields = {"amount_microusd": MicroUsd(amount), "room_microusd": 0, "simulated": bool(which % 2)}
        self.story.refuse("t-1.1/0", scope, scope_id, within, **fields)

    def people(self, which: int, amount: int) -> None:
        agent_id = AGENTS[which % 2]
        match amount % 6:
            case 0:
                self.story.register(agent_id)
            case 1:
                self.story.tell(agent.AgentEdited(agent_id=agent_id, capacity=amount + 1))
            case 2:
                self.story.tell(agent.AgentDisabled(agent_id=agent_id))
            case 3:
                self.story.tell(agent.AgentRemoved(agent_id=agent_id))
            case 4:
                self.story.tell(project.ProjectCreated(project_id=f"p-{which % 3}", name="One"))
            case _:
                self.story.tell(project.ProjectEdited(project_id=f"p-{which % 3}", name=f"No {amount}"))

    def work(self, task_id: str, run_id: str, what: int, amount: int) -> None:
        self.numbers += 1
        call_id = f"{run_id}/{self.numbers}"
        if what < 6:
            self.story.reserve(call_id, amount)
            if what == 5:
                self.open.append(call_id)
            else:
                self.story.answer(call_id, amount // 2)
        elif what == 6:
            self.story.tell(run.RunWaiting(run_id=run_id, task_id=task_id, reason=WaitReason.BUDGET, remedy="x"))
        elif what == 7:
            self.story.cancel(run_id).tell(task.TaskReleased(task_id=task_id, run_id=run_id, reason="x"))
            self.states[task_id] = TaskState.TODO
        elif what == 8:
            self.story.fail(run_id, counts=bool(amount % 2))
            self.story.tell(task.TaskFailed(task_id=task_id, run_id=run_id, reason="x"))
            self.states[task_id] = TaskState.FAILED
        else:
            self.story.succeed(run_id)
            self.story.tell(task.TaskSentToReview(task_id=task_id, run_id=run_id, reviewer=Review.HUMAN))
            self.states[task_id] = TaskState.REVIEW

    def move(self, task_id: str, state: TaskState, run_id: str | None, what: int, amount: int) -> None:
        if what in (3, 4):
            self.story.tell(task.TaskReordered(task_id=task_id, before=TASKS[amount % 3] if what == 3 else None))
        elif state is TaskState.TODO and what == 5:
            self.story.tell(task.TaskRequeued(task_id=task_id, deliveries=amount))
        elif state is TaskState.TODO:
            self.numbers += 1
            run_id = f"{task_id}.{self.numbers}"
            self.story.assign(run_id, AGENTS[amount % 2], simulated=amount % 3 == 0)
            self.runs[task_id] = run_id
            self.states[task_id] = TaskState.IN_PROGRESS
        elif state is TaskState.REVIEW and amount % 2:
            self.story.tell(task.TaskRejected(task_id=task_id, run_id=run_id, comment="no"))
            self.states[task_id] = TaskState.TODO
        elif state is TaskState.REVIEW:
            self.story.tell(task.TaskApproved(task_id=task_id, run_id=run_id))
            self.states[task_id] = TaskState.DONE
        elif state is TaskState.FAILED:
            self.story.tell(task.TaskReopened(task_id=task_id))
            self.states[task_id] = TaskState.TODO
        elif state is TaskState.DONE:
            self.story.tell(task.TaskArchived(task_id=task_id, from_state=state))
            self.states[task_id] = TaskState.ARCHIVED


@st.composite
def stories(draw: st.DrawFn) -> Story:
    teller = Teller()
    for what, which, amount in draw(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 11), st.integers(0, 200)), max_size=60)
    ):
        teller.step(what, which, amount)
    return teller.story


def in_memory(story: Story, projections: tuple[Projection, ...]) -> dict[str, Any]:
    rows = MemoryRows()
    for projection in projections:
        rows.fold(projection, story.log)
    return dump(rows, projections)


quick = settings(max_examples=rounds.REPLAY, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@contextmanager
def _empty(where: str | Path) -> Iterator[ReadStore]:
    name = f"vapora_{uuid4().hex}"
    store = ReadStore(where / name if isinstance(where, Path) else Database(where, name))
    yield store
    store.close()


@quick
@given(story=stories(), data=st.data())
def test_however_the_log_is_cut_and_sent_again_the_rows_are_those_of_a_rebuild(
    folder: Path, story: Story, data: st.DataObject
) -> None:
    _piecemeal_is_a_rebuild(folder, story, data)


# An example takes seven times as long there, most of it for its tables.
@settings(quick, max_examples=rounds.REPLAY // 4)
@given(story=stories(), data=st.data())
def test_over_a_database_they_are_so_as_well(shared_database: str, story: Story, data: st.DataObject) -> None:
    _piecemeal_is_a_rebuild(shared_database, story, data)


def _piecemeal_is_a_rebuild(where: str | Path, story: Story, data: st.DataObject) -> None:
    projections = all_projections()
    with _empty(where) as store:
        runner = Runner(store, projections)
        frames: list[dict[str, Any]] = []
        seen = 0
        while seen < len(story.log):
            start = max(0, seen - data.draw(st.integers(0, 5)))
            seen = min(len(story.log), seen + data.draw(st.integers(1, 40)))
            if data.draw(st.integers(0, 9)) == 0:
                runner = Runner(store, projections)
            frames += runner.apply(story.log[start:seen])
        with store.snapshot() as rows:
            piecemeal = dump(rows, projections)
        assert runner.status()["failed"] == {}
        assert piecemeal == in_memory(story, projections)
        assert_frames_lead_to_the_rows(frames, runner, data.draw(st.integers(1, 5)))


def assert_frames_lead_to_the_rows(frames: list[dict[str, Any]], runner: Runner, limit: int) -> None:
    """Who saw every frame knows what who resumes from the start is told, in whatever portions."""
    positions = [frame["position"] for frame in frames]
    assert positions == sorted(set(positions))
    resumed: list[dict[str, Any]] = []
    while portion := runner.frames_after(resumed[-1]["position"] if resumed else 0, limit):
        assert len(portion) <= limit
        resumed += portion
    assert resumed == runner.frames_after(0, 10_000)
    assert _latest(frames) == _latest(resumed)


def _latest(frames: list[dict[str, Any]]) -> dict[tuple[Any, ...], Any]:
    found: dict[tuple[Any, ...], Any] = {}
    for frame in frames:
        for one in frame["rows"]:
            row = one["row"]
            key = one["view"], one["key"]
            if found.get(key) is None or found[key]["position"] <= row["position"]:
                found[key] = row
    return found


@quick
@given(story=stories())
def test_the_flow_of_work_counts_the_cards_that_the_board_counts(story: Story) -> None:
    """But for done cards that were archived, which stay among the done ones."""
    flow, shown = story.rows(Flow()), board(story.rows(Board()), "p-1", story.position)
    cards = dashboard(flow, "p-1", story.position, story.at.date(), 1).cards
    assert cards.pop("done") >= shown.counts.get("done", 0)
    assert cards == {state: shown.counts.get(state, 0) for state in cards}


@quick
@given(story=stories())
def test_budget_rows_agree_with_the_ledger(story: Story) -> None:
    rows = story.rows(Budgets())
    ledger = ledgers.initial()
    for recorded in story.log:
        ledgers.evolve(ledger, recorded.event)
    for scope, scope_id in ((Scope.ROLE, "developer"), (Scope.AGENT, "tester"), (Scope.WORKSPACE, WORKSPACE)):
        for simulated in (False, True):
            found = budget_of(rows, scope, scope_id, story.at, simulated)
            known = usage(ledger, scope, scope_id, story.at, simulated)
            if found is not None:  # else nothing was ever charged to it, as the numbers below must agree
                assert (found.tier, found.utilisation) == (known.tier, known.utilisation)
            for name in ("monthly_spent", "weekly_spent", "monthly_held", "weekly_held"):
                shown = 0 if found is None else getattr(found, f"{name}_microusd")
                assert shown == getattr(known, f"{name}_microusd")


@quick
@given(story=stories())
def test_learning_agrees_with_what_the_coordinator_knows(story: Story) -> None:
    rows = story.rows(Profiles())
    histories: dict[tuple[str, bool], History] = {}
    expected: set[tuple[str, bool, str]] = set()
    for recorded in story.log:
        event = recorded.event
        if isinstance(event, run.RunSucceeded) or (isinstance(event, run.RunFailed) and event.counts):
            outcome = RunOutcome(
                event.run_id, event.task_type, recorded.recorded_at, isinstance(event, run.RunSucceeded)
            )
            histories.setdefault((event.agent_id, event.simulated), History()).add(outcome)
            expected.add((event.agent_id, event.simulated, event.task_type))
        elif isinstance(event, task.TaskRejected) and event.run_id is not None:
            for history in histories.values():
                history.reject(event.run_id)
    for agent_id in AGENTS:
        profiles = learning(rows, agent_id, story.at).profiles
        of_agent = {(simulated, task_type) for agent, simulated, task_type in expected if agent == agent_id}
        assert {(one.simulated, one.task_type) for one in profiles} == of_agent
        for profile in profiles:
            history = histories[agent_id, profile.simulated]
            # The same outcomes, perhaps added up in another order.
            assert profile.expertise == pytest.approx(history.expertise(profile.task_type, story.at), rel=1e-12)
            assert profile.confidence == history.confidence(profile.task_type)
            assert profile.runs == history.runs(profile.task_type)
