"""A coordinator's view that was saved at any point and restored goes on as if it had never been away."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from events.agent import AgentDisabled, AgentEnabled
from events.ids import Review, TaskState, WaitReason
from events.project import ProjectArchived
from events.task import (
    TaskApproved,
    TaskArchived,
    TaskEdited,
    TaskFailed,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskReordered,
    TaskSentToReview,
    TaskWaiting,
)
from projections.board import Board
from projections.board_waiting import CARDS
from projections.engine.memory import MemoryRows
from tests.domain.test_swarm import (
    LATER,
    Log,
    assigned,
    cancelled,
    completed,
    failed,
    registered,
    submitted,
    succeeded,
)
from tests.golden import saved
from vapora.domain.swarm import rules as rules
from vapora.domain.swarm.data import SwarmData, from_data, to_data
from vapora.domain.swarm.rules import Swarm

STORED = TypeAdapter(SwarmData)
# Often enough that a history of 120 steps has tasks in every state, some behind others, and runs that have ended.
STEPS = {
    "submit": 4,
    "blocked": 3,
    "assign": 8,
    "end": 7,
    "move": 5,
    "review": 2,
    "approve": 2,
    "reject": 1,
    "recall": 1,
    "archive": 1,
    "reopen": 1,
    "edit": 1,
    "free": 1,
    "wait": 1,
    "reorder": 3,
    "archive project": 1,
    "able": 1,
}
Step = tuple[str, int, int]


def act(log: Log, step: str, first: int, second: int) -> None:
    """What the step does to some task in a state for it; nothing where there is none."""
    of = {state: [one for one in log.swarm.open_tasks.values() if one.state is state] for state in TaskState}

    def some(state: TaskState) -> Any:
        return of[state][first % len(of[state])] if of[state] else None

    task_id = f"t{len(log.versions)}"
    todo, busy = some(TaskState.TODO), some(TaskState.IN_PROGRESS)
    review, broken = some(TaskState.REVIEW), some(TaskState.FAILED)
    match step:
        case "submit":
            log.add(submitted(task_id, priority=second, context={"n": [first, None]}))
        case "blocked":
            others = tuple(log.swarm.open_tasks)[-3:]
            log.add(submitted(task_id, ("code-generation", "unit-test")[second % 2], blocked_by=others))
        case "assign" if todo and not log.swarm.dependencies.is_blocked(todo.id):
            log.add(assigned(todo.id, f"{todo.id}.{todo.runs + 1}", ("developer", "tester")[second % 2]))
        case "end" if log.swarm.runs:
            run = list(log.swarm.runs.values())[first % len(log.swarm.runs)]
            log.add(
                (
                    succeeded(run.task_id, run.run_id, run.agent_id, simulated=bool(second % 2)),
                    failed(run.task_id, run.run_id, counts=bool(second % 2)),
                    cancelled(run.task_id, run.run_id),
                )[second % 3]
            )
        case "move" if busy and busy.run_id in log.swarm.ended:
            moves = (
                completed(busy.id, busy.run_id),
                TaskSentToReview(task_id=busy.id, run_id=busy.run_id, reviewer=Review.HUMAN),
                TaskFailed(task_id=busy.id, run_id=busy.run_id, reason="no"),
                TaskReleased(task_id=busy.id, run_id=busy.run_id, reason="stopped"),
            )
            log.add(moves[second % 4])
        case "approve" if review:
            log.add(TaskApproved(task_id=review.id, run_id=review.run_id))
        case "reject" if review:
            log.add(TaskRejected(task_id=review.id, run_id=review.run_id, comment="again"))
        case "recall" if busy:
            log.add(TaskRecalled(task_id=busy.id, run_id=busy.run_id))
        case "archive" if todo:
            log.add(TaskArchived(task_id=todo.id, from_state=TaskState.TODO))
        case "reopen" if broken:
            log.add(TaskReopened(task_id=broken.id))
        case "edit" if todo:
            log.add(TaskEdited(task_id=todo.id, priority=second))
        case "free" if todo:
            log.add(TaskEdited(task_id=todo.id, blocked_by=()))
        case "wait" if todo:
            log.add(TaskWaiting(task_id=todo.id, reason=WaitReason.PAUSED, remedy="wait"))
        case "reorder" if todo:
            column = of[TaskState.TODO]
            log.add(TaskReordered(task_id=todo.id, before=column[second % len(column)].id if second % 3 else None))
        case "archive project" if second % 20 == 0:
            log.add(ProjectArchived(project_id="p1"))
        case "able":
            log.add((AgentDisabled if second % 2 else AgentEnabled)(agent_id="tester"))


def _history(seed: int) -> list[Step]:
    chance = random.Random(seed)
    steps = chance.choices(list(STEPS), list(STEPS.values()), k=chance.randrange(120))
    return [(step, chance.randrange(10), chance.randrange(101)) for step in steps]


histories = st.integers(0, 2**32).map(_history)


def told(history: list[Step]) -> Log:
    log = Log(registered("developer", capacity=3), registered("tester", "unit-test", "code-generation"))
    for step in history:
        act(log, *step)
    return log


def view(swarm: Swarm) -> dict[str, Any]:
    """All that the coordinator ever asks of it."""
    foremost = rules.foremost(swarm)
    return {
        "waiting": rules.waiting(swarm),
        "foremost": foremost,
        "choice": foremost and [rules.choose(swarm, foremost, LATER, simulated) for simulated in (False, True)],
        "silent": rules.silent(swarm),
        "running": rules.running(swarm),
        "recalled": rules.recalled(swarm),
        "ended": rules.ended_unmoved(swarm),
        "busy": {agent: swarm.in_flight(agent) for agent in swarm.agents},
        "agents": swarm.agents,
        "tasks": swarm.open_tasks,
        "threads": swarm.threads,
        "position": swarm.position,
        "data": STORED.dump_json(to_data(swarm)),
    }


def stored_and_read(swarm: Swarm) -> Swarm:
    return from_data(STORED.validate_json(STORED.dump_json(to_data(swarm))))


@settings(max_examples=150, deadline=None)
@given(histories, st.integers(0, 120))
def test_a_fold_is_the_restored_snapshot_of_any_point_and_the_rest(history: list[Step], cut: int) -> None:
    log = told(history)
    swarm = rules.initial()
    for recorded in log.records[:cut]:
        rules.evolve(swarm, recorded)
    restored = stored_and_read(swarm)
    assert view(restored) == view(swarm)
    for recorded in log.records[cut:]:
        rules.evolve(restored, recorded)
    assert view(restored) == view(log.swarm)


@settings(max_examples=60, deadline=None)
@given(histories)
def test_what_is_only_proposed_is_not_saved_and_stays_proposed(history: list[Step]) -> None:
    swarm = told(history).swarm
    before = view(swarm)
    proposed = []
    while (one := rules.foremost(swarm)) is not None:
        rules.propose(swarm, one.id, f"{one.id}.{one.runs + 1}", "developer")
        proposed.append(one.id)
    assert view(stored_and_read(swarm)) == before
    assert list(swarm.proposed) == proposed


@settings(max_examples=60, deadline=None)
@given(histories)
def test_the_order_of_the_board_is_the_order_of_the_work(history: list[Step]) -> None:
    log = told(history)
    cards = MemoryRows().fold(Board(), log.records).select(CARDS, {"state": "todo"}, order=("rank",))
    column = [task_id for _, task_id in log.swarm.todo.downwards(None)][::-1]
    assert column == [card["id"] for card in cards]
    assert [one.id for one in rules.waiting(log.swarm)] == [one for one in column if one in log.swarm.line]


def test_the_histories_hold_what_is_hard_to_restore() -> None:
    seen = [told(_history(seed)).swarm for seed in range(50)]
    assert all(any(getattr(one, name) for one in seen) for name in ("ended", "silent", "runs", "line"))
    assert any(rules.recalled(one) for one in seen)
    blocked = [task.id for one in seen for task in one.open_tasks.values() if one.dependencies.is_blocked(task.id)]
    assert len(blocked) > 20


def test_later_events_do_not_touch_what_was_copied() -> None:
    log = told([("submit", 0, 1), ("assign", 0, 0), ("end", 0, 0), ("blocked", 0, 0)])
    data = to_data(log.swarm)
    before = STORED.dump_json(data)
    for step in [("move", 0, 0), ("submit", 0, 5), ("assign", 0, 0), ("end", 0, 1), ("able", 0, 1)]:
        act(log, *step)
    assert STORED.dump_json(data) == before != STORED.dump_json(to_data(log.swarm))


@pytest.mark.parametrize("path", saved.FOLDS, ids=lambda path: path.stem)
def test_what_a_fold_makes_of_a_known_story_is_what_its_version_says(path: Path) -> None:
    """Where this fails, a fold or its data has changed: raise FOLD_VERSION and run `python -m tests.golden.saved`."""
    assert json.loads(path.read_text(encoding="utf-8")) == saved.shown(saved.FOLDS[path]())
