"""How work flows through a project, told as a story."""

from __future__ import annotations

from datetime import date

from events import task
from events.ids import Review, TaskState
from projections.engine.memory import MemoryRows
from projections.flow import Flow, dashboard
from tests.projections.story import Story
from vapora import views

# The story begins on 20 November 2026.
TODAY = date(2026, 11, 22)


def shown(story: Story, days: int = 3, project: str | None = "p-1") -> views.Dashboard:
    rows: MemoryRows = story.rows(Flow())
    return dashboard(rows, project, story.position, TODAY, days)


def done(task_id: str) -> task.TaskCompleted:
    return task.TaskCompleted(task_id=task_id, run_id=f"{task_id}.1")


def test_cards_are_counted_as_each_day_ended_also_on_days_without_a_change() -> None:
    story = Story().submit("t-1").submit("t-2").assign("t-1.1")
    story.later(days=2).tell(done("t-1")).submit("t-3")
    first, second, third = shown(story).days
    assert (first.day, first.submitted, first.done) == ("2026-11-20", 2, 0)
    assert first.cards == {"todo": 1, "in-progress": 1, "review": 0, "done": 0, "failed": 0}
    assert (second.day, second.submitted, second.cards) == ("2026-11-21", 0, first.cards)
    assert third.cards == {"todo": 2, "in-progress": 0, "review": 0, "done": 1, "failed": 0}
    assert (third.submitted, third.done) == (1, 1)


def test_what_lies_before_the_days_that_are_shown_counts_as_well() -> None:
    [only] = shown(Story().submit("t-1").submit("t-2"), days=1).days
    assert (only.day, only.submitted, only.cards["todo"]) == ("2026-11-22", 0, 2)


def test_lead_begins_with_the_handing_in_and_cycle_with_the_first_assignment() -> None:
    story = Story().submit("t-1").later(seconds=99).assign("t-1.1")
    story.tell(task.TaskRejected(task_id="t-1", comment="Again.")).later(seconds=100).assign("t-1.2")
    story.later(seconds=200).tell(done("t-1"))
    found = shown(story)
    assert found.lead == views.Spread(cards=1, median_s=405, p85_s=405)
    assert found.cycle is not None
    # The first assignment comes a second after the 99.
    assert found.cycle.median_s == 305


def test_a_card_that_a_person_finished_without_an_agent_has_no_cycle_time() -> None:
    story = Story().submit("t-1").tell(task.TaskApproved(task_id="t-1"))
    found = shown(story)
    assert found.cycle is None
    assert found.lead is not None


def test_medians_are_those_of_the_cards_that_were_done() -> None:
    story = Story()
    for number, seconds in enumerate((10, 20, 30, 1_000)):
        story.submit(f"t-{number}").assign(f"t-{number}.1").later(seconds=seconds).tell(done(f"t-{number}"))
    found = shown(story)
    assert found.cycle is not None
    assert (found.cycle.cards, found.cycle.median_s, found.cycle.p85_s) == (4, 22, 1_002)


def test_what_was_done_stays_counted_when_it_is_archived_and_everything_else_goes() -> None:
    story = Story().submit("t-1").assign("t-1.1").tell(done("t-1")).submit("t-2")
    story.tell(task.TaskArchived(task_id="t-1", from_state=TaskState.DONE))
    story.tell(task.TaskArchived(task_id="t-2", from_state=TaskState.TODO))
    assert shown(story).cards == {"todo": 0, "in-progress": 0, "review": 0, "done": 1, "failed": 0}


def test_a_failure_that_is_tried_again_counts_on_the_day_of_each() -> None:
    story = Story().submit("t-1").assign("t-1.1").tell(task.TaskFailed(task_id="t-1", run_id="t-1.1", reason="no"))
    story.later(days=1).tell(task.TaskReopened(task_id="t-1")).assign("t-1.2")
    story.tell(task.TaskFailed(task_id="t-1", run_id="t-1.2", reason="no"))
    assert [one.failed for one in shown(story).days] == [1, 1, 0]
    assert shown(story).cards["failed"] == 1


def test_the_team_is_told_apart_by_who_and_by_whether_it_was_a_rehearsal() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3")
    story.assign("t-1.1").later(seconds=9).succeed("t-1.1").assign("t-2.1").fail("t-2.1")
    story.assign("t-3.1", "tester", simulated=True).cancel("t-3.1")
    developer, tester = shown(story).team
    assert (developer.agent_id, developer.runs, developer.succeeded, developer.failed) == ("developer", 2, 1, 1)
    assert developer.busy_s == 11
    assert (tester.simulated, tester.runs, tester.cancelled) == (True, 1, 1)


def test_another_project_is_another_story() -> None:
    story = Story().submit("t-1").submit("t-2", project_id="p-2")
    assert shown(story, project="p-2").cards["todo"] == 1
    assert shown(story, project="p-3").cards["todo"] == 0


def test_a_card_in_review_is_counted_there() -> None:
    story = Story().submit("t-1").assign("t-1.1")
    story.tell(task.TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN))
    assert shown(story).cards["review"] == 1


def test_all_projects_together_are_the_sums_of_each() -> None:
    story = Story().submit("t-1").submit("t-2", project_id="p-2").assign("t-1.1").assign("t-2.1")
    story.later(days=2).tell(done("t-1")).tell(done("t-2")).submit("t-3", project_id="p-2")
    together, first, second = shown(story, project=None), shown(story), shown(story, project="p-2")
    for whole, one, other in zip(together.days, first.days, second.days, strict=True):
        assert whole.cards == {state: one.cards[state] + other.cards[state] for state in whole.cards}
        assert whole.submitted == one.submitted + other.submitted
        assert whole.done == one.done + other.done
    assert together.lead is not None
    assert together.lead.cards == 2
    assert together.cards["done"] == 2
    assert shown(Story(), project=None).team == ()
