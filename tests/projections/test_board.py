from __future__ import annotations

import re
from dataclasses import replace

import pytest

from events import project, run, task
from events.ids import Review, TaskState, WaitReason
from projections.board import Board, board, card, tasks
from projections.engine.memory import MemoryRows
from tests.projections.story import Story
from vapora import views
from vapora.errors import BadInputError

_TODO = TaskState.TODO


def the_card(story: Story, task_id: str = "t-1") -> views.TaskCard:
    found = card(story.rows(Board()), task_id)
    assert found is not None
    return found


def column(story: Story, state: TaskState) -> list[str]:
    return [one.id for one in board(story.rows(Board()), None, story.position).columns[state.value]]


def test_a_submitted_task_is_a_card_in_todo_with_all_that_was_said() -> None:
    story = Story().submit("t-1", description="why", priority=70, context={"a": [1]}, deadline=Story().at)
    found = the_card(story)
    assert (found.state, found.description, found.priority, found.context) == (TaskState.TODO, "why", 70, {"a": [1]})
    assert found.created_at == found.updated_at == story.at
    assert found.deadline == Story().at
    assert (found.position, found.waiting, found.simulated) == (story.position, None, False)


def test_an_edit_changes_only_what_it_names() -> None:
    found = the_card(Story().submit("t-1").tell(task.TaskEdited(task_id="t-1", priority=3)))
    assert (found.priority, found.title) == (3, "Do t-1")
    assert found.position == 4


def test_a_run_appears_on_the_card_with_its_calls_and_cost() -> None:
    story = Story().submit("t-1").assign("t-1.1").call("t-1.1/0", cost=60).call("t-1.1/1", cost=7).succeed("t-1.1")
    found = the_card(story)
    assert found.cost_microusd == 67
    assert found.assigned_agent == "developer"
    [summary] = found.runs
    assert (summary.state, summary.calls, summary.cost_microusd) == ("succeeded", 2, 67)
    assert (summary.tokens_in, summary.tokens_out, summary.providers) == (20, 10, ("anthropic",))
    assert summary.ended_at == story.at


def test_money_booked_for_a_lost_answer_counts_on_the_card_of_its_task() -> None:
    story = Story().submit("t-1").assign("t-1.1").reserve("t-1.1/0", 100)
    story.lose("t-1.1/0")
    assert the_card(story).cost_microusd == 100
    assert the_card(story).runs[0].cost_microusd == 100


def test_simulated_and_real_money_never_add_up_on_a_card() -> None:
    story = Story().submit("t-1").assign("t-1.1", simulated=True).call("t-1.1/0", cost=50).fail("t-1.1")
    assert (the_card(story).cost_microusd, the_card(story).simulated) == (50, True)
    story.assign("t-1.2").call("t-1.2/0", cost=8)
    assert (the_card(story).cost_microusd, the_card(story).simulated) == (8, True)


def test_a_waiting_run_says_why_until_it_goes_on() -> None:
    story = Story().submit("t-1").assign("t-1.1")
    story.tell(run.RunWaiting(run_id="t-1.1", task_id="t-1", reason=WaitReason.BUDGET, remedy="Raise the limit."))
    assert the_card(story).waiting == views.Waiting(reason=WaitReason.BUDGET, since=story.at, remedy="Raise the limit.")
    assert the_card(story).runs[0].state == "waiting"
    story.tell(run.RunContinued(run_id="t-1.1", task_id="t-1"))
    assert the_card(story).waiting is None
    assert the_card(story).runs[0].state == "running"


def test_a_card_in_review_waits_for_a_person_and_no_longer_once_it_is_approved() -> None:
    story = Story().submit("t-1").assign("t-1.1").succeed("t-1.1")
    story.tell(task.TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN))
    waiting = the_card(story).waiting
    assert waiting is not None
    assert waiting.reason is WaitReason.HUMAN
    story.tell(task.TaskApproved(task_id="t-1", comment="well done"))
    assert (the_card(story).waiting, the_card(story).state) == (None, TaskState.DONE)
    assert the_card(story).comment == "well done"


def test_a_card_waits_for_its_blockers_by_name_until_all_of_them_are_done() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3", blocked_by=("t-1", "t-2"))
    since = story.at
    story.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1"))
    waiting = the_card(story, "t-3").waiting
    assert waiting is not None
    assert (waiting.reason, waiting.since) == (WaitReason.DEPENDENCY, since)
    assert "t-2" in waiting.remedy
    assert "t-1" not in waiting.remedy
    story.tell(task.TaskCompleted(task_id="t-2", run_id="t-2.1"))
    assert the_card(story, "t-3").waiting is None
    assert the_card(story, "t-3").position == story.position


def test_archiving_a_done_blocker_does_not_block_again_but_dropping_one_does() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3", blocked_by=("t-1", "t-2"))
    story.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1"))
    story.tell(task.TaskArchived(task_id="t-1", from_state=TaskState.DONE))
    story.tell(task.TaskArchived(task_id="t-2", from_state=TaskState.TODO))
    waiting = the_card(story, "t-3").waiting
    assert waiting is not None
    assert waiting.remedy == "t-2 was archived undone: take it out of blocked_by."


def test_what_the_coordinator_said_of_blockers_does_not_outlive_them() -> None:
    story = Story().submit("t-1").submit("t-2", blocked_by=("t-1",))
    story.tell(task.TaskWaiting(task_id="t-2", reason=WaitReason.DEPENDENCY, remedy="It starts by itself."))
    story.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1"))
    assert the_card(story, "t-2").waiting is None


def test_taking_a_blocker_out_frees_the_card() -> None:
    story = Story().submit("t-1").submit("t-2", blocked_by=("t-1",))
    story.tell(task.TaskEdited(task_id="t-2", blocked_by=()))
    assert the_card(story, "t-2").waiting is None


def ring(story: Story, task_id: str) -> str | None:
    waiting = the_card(story, task_id).waiting
    assert waiting is not None
    found = re.fullmatch(r"Each of these tasks waits for the next: (.*)\. Take .*", waiting.remedy)
    return found[1] if found else None


def test_cards_on_a_ring_name_it_until_somebody_breaks_it() -> None:
    story = Story().submit("t-1").submit("t-2", blocked_by=("t-1",)).submit("t-3", blocked_by=("t-2",))
    story.submit("t-4", blocked_by=("t-3",)).submit("t-5", blocked_by=("t-1",))
    story.tell(task.TaskEdited(task_id="t-1", blocked_by=("t-3", "t-5")))
    assert ring(story, "t-1") == "t-1 → t-5 → t-1"
    assert ring(story, "t-2") == "t-2 → t-1 → t-3 → t-2"
    assert ring(story, "t-3") == "t-3 → t-2 → t-1 → t-3"
    assert ring(story, "t-4") is None
    story.tell(task.TaskEdited(task_id="t-1", blocked_by=("t-3",)))
    assert ring(story, "t-5") is None
    assert ring(story, "t-1") == "t-1 → t-3 → t-2 → t-1"
    story.tell(task.TaskEdited(task_id="t-2", blocked_by=()))
    assert the_card(story, "t-2").waiting is None
    assert [ring(story, task_id) for task_id in ("t-1", "t-3")] == [None, None]


def test_a_ring_is_gone_with_a_card_that_is_done_or_archived() -> None:
    for end in (task.TaskCompleted(task_id="t-2", run_id="r"), task.TaskArchived(task_id="t-2", from_state=_TODO)):
        story = Story().submit("t-1").submit("t-2", blocked_by=("t-1",)).submit("t-3", blocked_by=("t-2",))
        story.tell(task.TaskEdited(task_id="t-1", blocked_by=("t-3",)), end)
        assert [ring(story, "t-1"), the_card(story, "t-3").waiting and ring(story, "t-3")] == [None, None]


def test_a_card_that_waits_for_a_failed_or_archived_one_says_what_to_do() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3", blocked_by=("t-1", "t-2"))
    story.tell(task.TaskArchived(task_id="t-1", from_state=TaskState.TODO))
    waiting = the_card(story, "t-3").waiting
    assert waiting is not None
    assert waiting.remedy == "t-1 was archived undone: take it out of blocked_by."
    story.tell(task.TaskFailed(task_id="t-2", run_id="r", reason="no"))
    waiting = the_card(story, "t-3").waiting
    assert waiting is not None
    assert waiting.remedy == "t-2 failed: move it back to todo, or take it out of blocked_by."


def test_the_cards_of_an_archived_project_say_that_nothing_of_it_starts() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3", project_id="p-2").assign("t-1.1")
    story.tell(project.ProjectArchived(project_id="p-1"))
    waiting = the_card(story, "t-2").waiting
    assert waiting is not None
    assert waiting.reason is WaitReason.PAUSED
    assert waiting.remedy.startswith("The project is archived")
    assert [the_card(story, task_id).waiting for task_id in ("t-1", "t-3")] == [None, None]
    story.tell(task.TaskReleased(task_id="t-1", run_id="t-1.1", reason="stopped"))
    waiting = the_card(story).waiting
    assert waiting is not None
    assert waiting.remedy.startswith("The project is archived")


def test_a_deadline_can_be_taken_away() -> None:
    story = Story().submit("t-1", deadline=Story().at).tell(task.TaskEdited(task_id="t-1", cleared=("deadline",)))
    assert the_card(story).deadline is None


def test_cards_stand_in_the_order_of_submission_until_they_are_put_elsewhere() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3")
    assert column(story, TaskState.TODO) == ["t-1", "t-2", "t-3"]
    story.tell(task.TaskReordered(task_id="t-3", before="t-2"))
    assert column(story, TaskState.TODO) == ["t-1", "t-3", "t-2"]
    story.tell(task.TaskReordered(task_id="t-2", before="t-1"))
    assert column(story, TaskState.TODO) == ["t-2", "t-1", "t-3"]
    story.tell(task.TaskReordered(task_id="t-2", before=None))
    assert column(story, TaskState.TODO) == ["t-1", "t-3", "t-2"]


def test_a_new_card_stands_behind_those_of_its_priority_and_before_lower_ones() -> None:
    story = Story()
    for task_id, priority in (("low", 0), ("mid", 50), ("high", 100), ("mid-2", 50), ("between", 75), ("high-2", 100)):
        story.submit(task_id, priority=priority)
    assert column(story, TaskState.TODO) == ["high", "high-2", "between", "mid", "mid-2", "low"]


def test_a_moved_card_keeps_its_place_whatever_comes_later() -> None:
    story = Story().submit("low", priority=0).submit("high", priority=100)
    story.tell(task.TaskReordered(task_id="low", before="high"))
    story.submit("high-2", priority=100).submit("low-2", priority=0)
    assert column(story, TaskState.TODO) == ["low", "high", "high-2", "low-2"]
    story.tell(task.TaskReordered(task_id="high", before=None))
    assert column(story, TaskState.TODO) == ["low", "high-2", "low-2", "high"]


def test_another_priority_puts_a_card_behind_its_new_equals() -> None:
    story = Story().submit("mid").submit("high", priority=100).submit("mid-2")
    story.tell(task.TaskEdited(task_id="mid", priority=100))
    assert column(story, TaskState.TODO) == ["high", "mid", "mid-2"]
    story.tell(task.TaskEdited(task_id="high", priority=50))
    assert column(story, TaskState.TODO) == ["mid", "mid-2", "high"]


def test_a_move_before_a_card_that_has_left_the_column_changes_nothing() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3").assign("t-1.1")
    story.tell(task.TaskReordered(task_id="t-3", before="t-1"), task.TaskReordered(task_id="t-2", before="t-2"))
    assert column(story, TaskState.TODO) == ["t-2", "t-3"]


def test_nobody_moves_a_card_within_the_newest_first_columns() -> None:
    story = Story()
    for task_id in ("t-1", "t-2", "t-3"):
        story.submit(task_id).tell(task.TaskCompleted(task_id=task_id, run_id=f"{task_id}.1"))
    story.tell(task.TaskReordered(task_id="t-3", before="t-1"))
    assert column(story, TaskState.DONE) == ["t-3", "t-2", "t-1"]


def test_a_thousand_cards_fit_into_one_gap() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3")
    for turn in range(1_000):
        story.tell(task.TaskReordered(task_id=f"t-{2 - turn % 2}", before="t-3"))
    story.submit("t-4")
    assert column(story, TaskState.TODO) == ["t-2", "t-1", "t-3", "t-4"]


def test_the_board_holds_200_cards_of_a_column_and_the_rest_follows_in_order() -> None:
    story = Story()
    for number in range(450):
        story.submit(f"t-{number:03}", project_id=f"p-{number % 2}")
    rows = story.rows(Board())
    first = board(rows, None, story.position)
    assert (len(first.columns["todo"]), first.counts["todo"], first.truncated) == (200, 450, ("todo",))
    assert first.counts["done"] == 0
    assert first.next["done"] is None
    seen = [one.id for one in first.columns["todo"]]
    cursor = first.next["todo"]
    while cursor is not None:
        page = board(rows, None, story.position, TaskState.TODO, cursor)
        assert list(page.columns) == ["todo"]
        seen += [one.id for one in page.columns["todo"]]
        cursor = page.next["todo"]
    assert seen == [f"t-{number:03}" for number in range(450)]
    own = board(rows, "p-1", story.position)
    assert (own.counts["todo"], own.columns["todo"][199].id) == (225, "t-399")
    rest = board(rows, "p-1", story.position, TaskState.TODO, own.next["todo"])
    assert ([one.id for one in rest.columns["todo"]][-1], rest.next["todo"]) == ("t-449", None)
    with pytest.raises(BadInputError):
        board(rows, None, story.position, TaskState.TODO, "not a cursor")


def test_the_number_of_cards_in_a_column_follows_each_move() -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3", project_id="p-2").assign("t-1.1")
    found = board(story.rows(Board()), None, story.position)
    assert found.counts == {"todo": 2, "in-progress": 1, "review": 0, "done": 0, "failed": 0}
    story.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1"))
    story.tell(task.TaskArchived(task_id="t-2", from_state=TaskState.TODO))
    found = board(story.rows(Board()), "p-1", story.position)
    assert found.counts == {"todo": 0, "in-progress": 0, "review": 0, "done": 1, "failed": 0}


def test_a_change_of_a_cards_texts_alone_is_a_change_of_the_card() -> None:
    story = Story().submit("t-1", description="old", context={"a": 1})
    last = story.log[-1]
    edited = task.TaskEdited(task_id="t-1", description="new")
    # In the same instant, so that nothing else of the row differs.
    at_once = replace(last, position=last.position + 1, event=edited)
    found = card(MemoryRows().fold(Board(), [*story.log, at_once]), "t-1")
    assert found is not None
    assert (found.description, found.context, found.position) == ("new", {"a": 1}, at_once.position)


def test_the_board_shows_the_newest_200_done_cards_and_says_that_there_are_more() -> None:
    story = Story()
    for number in range(201):
        story.submit(f"t-{number}").tell(task.TaskCompleted(task_id=f"t-{number}", run_id=f"t-{number}.1"))
    found = board(story.rows(Board()), None, story.position)
    assert len(found.columns["done"]) == 200
    assert found.columns["done"][0].id == "t-200"
    assert found.truncated == ("done",)
    assert found.position == story.position


def test_a_board_of_one_project_holds_only_its_cards_and_no_archived_ones() -> None:
    story = Story().submit("t-1").submit("t-2", project_id="p-2").submit("t-3", project_id="p-2")
    story.tell(task.TaskArchived(task_id="t-3", from_state=TaskState.TODO))
    found = board(story.rows(Board()), "p-2", 0)
    assert [one.id for one in found.columns["todo"]] == ["t-2"]
    assert list(found.columns) == ["todo", "in-progress", "review", "done", "failed"]


def test_a_card_that_is_sent_back_goes_to_the_end_of_todo_without_an_agent() -> None:
    story = Story().submit("t-1").submit("t-2").assign("t-1.1")
    story.tell(task.TaskRecalled(task_id="t-1", run_id="t-1.1", comment="not now"))
    assert column(story, TaskState.TODO) == ["t-2", "t-1"]
    assert the_card(story).assigned_agent is None
    story.cancel("t-1.1")
    assert the_card(story).runs[0].state == "cancelled"


def test_tasks_come_in_pages_newest_first() -> None:
    story = Story().submit("t-1").submit("t-2", role="tester").submit("t-3")
    rows = story.rows(Board())
    first = tasks(rows, limit=2)
    assert [one.id for one in first.items] == ["t-3", "t-2"]
    second = tasks(rows, limit=2, cursor=first.next)
    assert ([one.id for one in second.items], second.next) == (["t-1"], None)
    assert [one.id for one in tasks(rows, role="tester").items] == ["t-2"]
    assert tasks(rows, state=TaskState.DONE).items == ()
    with pytest.raises(BadInputError):
        tasks(rows, cursor="x")


def test_the_past_is_the_log_up_to_a_position() -> None:
    story = Story().submit("t-1").assign("t-1.1")
    past = MemoryRows().fold(Board(), story.log[:1])
    found = card(past, "t-1")
    assert found is not None
    assert found.state is TaskState.TODO
