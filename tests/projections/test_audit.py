from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from events import Recorded, Unknown, topics
from events.agent import AgentRemoved
from events.budget import BudgetSet
from events.ids import Review, Scope
from events.money import MicroUsd
from events.task import TaskApproved, TaskFailed, TaskRecalled, TaskRejected, TaskSentToReview
from projections import MemoryRows, ReadStore, Runner, audit
from projections.audit import Audit
from projections.audit_rules import RULES
from projections.engine.base import Reader
from tests.golden.examples import EXAMPLES
from tests.projections.story import START, Story
from vapora.views import AuditEntry, AuditFilter

# On purpose not in the trail: bookkeeping of single calls, order on the board, and a run's pauses.
LEFT_OUT = {
    "budget.spend-released", "budget.spend-reserved", "budget.spend-settled", "run.code-step-asked", "run.continued",
    "run.waiting",
    "session.refreshed", "task.reordered", "workspace.request-accepted", "workflow.approval-reminded",
    "workflow.card-ended", "workflow.card-reopened", "workflow.cards-made", "workflow.retry-planned",
}  # fmt: skip


def entries(rows: Reader, limit: int = 100, before: int | None = None, **wanted: Any) -> tuple[AuditEntry, ...]:
    return audit.entries(rows, AuditFilter(**wanted), before=before, limit=limit)


def told() -> Story:
    story = Story().register("developer").submit("t-1", title="Write a PARSER").assign("t-1.1").call("t-1.1/0")
    story.succeed("t-1.1").tell(TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN))
    story.tell(TaskRejected(task_id="t-1", comment="100% wrong"), TaskApproved(task_id="t-1"))
    story.tell(BudgetSet(scope=Scope.ROLE, scope_id="developer", monthly_limit_microusd=MicroUsd(5)))
    return story.tell(TaskFailed(task_id="t-2", run_id="x", reason="broke"), AgentRemoved(agent_id="developer"))


@pytest.fixture(params=["memory", "sqlite"])
def rows(request: pytest.FixtureRequest, store: ReadStore) -> Iterator[Reader]:
    story = told()
    if request.param == "memory":
        yield story.rows(Audit())
        return
    Runner(store, [Audit()]).apply(story.log)
    with store.snapshot() as snapshot:
        yield snapshot


def what(found: tuple[AuditEntry, ...]) -> list[tuple[str, str, str]]:
    return [(one.action, f"{one.resource_type}:{one.resource_id}", one.result) for one in found]


def test_every_event_is_in_the_trail_or_left_out_on_purpose() -> None:
    assert {kind.TOPIC for kind in RULES} | LEFT_OUT == set(topics())
    assert {kind.TOPIC for kind in RULES} & LEFT_OUT == set()


def test_every_event_tells_an_action_a_resource_and_a_result() -> None:
    story = Story().tell(*EXAMPLES)
    found = entries(story.rows(Audit()), limit=1_000)
    assert len(found) == len(RULES)
    assert all(one.resource_type and one.resource_id and one.actor == "somebody" for one in found)
    assert {one.action for one in found} >= {"create", "update", "delete", "execute", "assign", "complete", "override"}
    assert {one.result for one in found} == {"success", "failure", "partial-success"}


def test_creation_assignment_and_the_choice_of_a_provider_are_told_the_newest_first(rows: Reader) -> None:
    found = entries(rows, limit=100)
    assert [one.position for one in found] == sorted((one.position for one in found), reverse=True)
    assert {
        ("create", "task:t-1", "success"),
        ("assign", "task:t-1", "success"),
        ("assign", "run:t-1.1", "success"),
        ("complete", "task:t-1", "partial-success"),
        ("update", "budget:role/developer", "success"),
        ("delete", "agent:developer", "success"),
    } <= set(what(found))
    [chosen] = entries(rows, action="assign", resource="run")
    assert "anthropic/claude" in chosen.details


def test_it_is_searched_by_actor_action_resource_time_and_text(rows: Reader) -> None:
    assert entries(rows, actor="nobody") == ()
    assert len(entries(rows, actor="somebody", limit=3)) == 3
    assert what(entries(rows, action="complete", resource="task")) == [
        ("complete", "task:t-2", "failure"),
        ("complete", "task:t-1", "success"),
        ("complete", "task:t-1", "failure"),
        ("complete", "task:t-1", "partial-success"),
    ]
    assert what(entries(rows, resource="task:t-2")) == [("complete", "task:t-2", "failure")]
    assert what(entries(rows, text="parser")) == [("create", "task:t-1", "success")]
    assert what(entries(rows, text="PARS")) == [("create", "task:t-1", "success")]
    every = entries(rows, limit=100)
    middle = every[len(every) // 2].timestamp
    since, until = entries(rows, since=middle, limit=100), entries(rows, until=middle, limit=100)
    assert len(since) + len(until) == len(every) + 1
    assert entries(rows, since=START + timedelta(days=1)) == ()


@pytest.mark.parametrize("text", ["100%", "% wrong", "t_1", "!", "%", "_"])
def test_a_search_takes_signs_as_they_are(text: str, rows: Reader) -> None:
    every = entries(rows, limit=100)
    said = [one for one in every if text in f"{one.actor} {one.details} {one.resource_id}"]
    assert [one.position for one in entries(rows, text=text)] == [one.position for one in said]


def test_pages_meet_without_a_gap(rows: Reader) -> None:
    every = entries(rows, limit=100)
    first = entries(rows, limit=4)
    second = entries(rows, limit=100, before=first[-1].position)
    assert first + second == every


def test_what_a_newer_version_wrote_is_shown_as_unknown() -> None:
    event = Unknown(of_topic="task.teleported", of_version=1, why="the topic is new", data={"to": "Mars"})
    recorded = Recorded(7, "task:t-1", 1, START, "default", "anna", "cor", 5, "req", event)
    [entry] = entries(MemoryRows().fold(Audit(), [recorded]))
    assert (entry.action, entry.resource_type, entry.resource_id) == ("unknown", "task", "t-1")
    assert (entry.topic, entry.actor, entry.causation) == ("task.teleported", "anna", 5)
    assert "newer" in entry.details


def test_a_person_who_takes_a_task_back_overrides() -> None:
    [entry] = entries(Story().tell(TaskRecalled(task_id="t-1", comment="Mine.")).rows(Audit()))
    assert (entry.action, entry.details) == ("override", "recalled Mine.")
