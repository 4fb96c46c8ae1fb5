"""Who is busy with a review, and in which column a card stands whose attempts stand side by side."""

from __future__ import annotations

from datetime import date

from events.ids import Review, TaskState
from events.task import AttemptPicked, AttemptRequested, TaskSentToReview
from projections import MemoryRows
from projections.flow import Flow, dashboard
from projections.registry import Registry, agent_of
from tests.domain.test_swarm import START, Log, assigned, registered, review_assigned, submitted, succeeded
from tests.domain.test_swarm_work import HEAD, to_review, work


def test_a_reviewer_is_busy_until_the_review_has_ended() -> None:
    log = Log(registered("code-reviewer", "code-review"), *to_review("t1"), review_assigned("t1", "t1.2", HEAD))
    found = agent_of(MemoryRows().fold(Registry(), log.records), "code-reviewer")
    assert found is not None and (found.state, found.running) == ("busy", 1)
    log.add(succeeded("t1", "t1.2", "code-reviewer"))
    found = agent_of(MemoryRows().fold(Registry(), log.records), "code-reviewer")
    assert found is not None and (found.state, found.running) == ("idle", 0)


def test_another_attempt_counts_as_to_do_and_a_picked_one_as_in_review() -> None:
    log = Log(submitted("t1"), assigned("t1", "t1.1"))
    log.add(TaskSentToReview(task_id="t1", run_id="t1.1", reviewer=Review.HUMAN, work=work()))

    def counted() -> dict[str, int]:
        rows = MemoryRows().fold(Flow(), log.records)
        shown = dashboard(rows, "p1", len(log.records), date(START.year, START.month, START.day), 1)
        return {state: number for state, number in shown.cards.items() if number}

    log.add(AttemptRequested(task_id="t1", number=2))
    assert counted() == {TaskState.TODO: 1}
    log.add(AttemptPicked(task_id="t1", number=1, work=work()))
    assert counted() == {TaskState.REVIEW: 1}
