"""Which tasks may be about to land by themselves."""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import ChecksVerdict
from events.project import ProjectEdited
from events.recorded import Recorded
from events.task import (
    RevertRequested,
    TaskApproved,
    TaskArchived,
    TaskCompleted,
    TaskLanded,
    TaskRejected,
    TaskReopened,
)
from events.work import Work
from events.workspace import WorkspacePaused, WorkspaceResumed
from tests.domain.test_swarm import START
from vapora.domain.landings import Cause, Landings

HEAD = "b" * 40
WORK = Work(branch="vapora/t1", base_branch="main", base="a" * 40, head=HEAD, checks=ChecksVerdict.GREEN)
ACCEPTED = TaskApproved(task_id="t1", head=HEAD)


def recorded(position: int, event: DomainEvent) -> Recorded:
    return Recorded(position, "s", 1, START, "w", "somebody", f"c{position}", None, "q", event)


def after(*events: DomainEvent) -> tuple[Landings, tuple[str, ...]]:
    """With what the last of them gives cause to look at."""
    made, looked = Landings(), tuple[str, ...]()
    for position, event in enumerate(events, 1):
        looked = made.evolve(recorded(position, event))
    return made, looked


def test_accepted_work_is_looked_at_and_work_of_no_branch_is_not() -> None:
    for event in (ACCEPTED, TaskCompleted(task_id="t1", run_id="r", work=WORK)):
        made, looked = after(event)
        assert looked == ("t1",) and made.waiting == {"t1": Cause(1, "c1")}
    for event in (TaskApproved(task_id="t1"), TaskCompleted(task_id="t1", run_id="r")):
        made, looked = after(event)
        assert looked == () and made.waiting == {}


def test_what_landed_was_sent_back_or_archived_waits_no_more() -> None:
    landed = TaskLanded(task_id="t1", run_id=None, head=HEAD, branch="main", oid=HEAD, strategy="squash")
    for event in (landed, TaskRejected(task_id="t1"), TaskArchived(task_id="t1", from_state="done")):
        assert after(ACCEPTED, event)[0].waiting == {}


def test_an_edit_of_a_project_or_a_resumption_has_all_of_them_looked_at_again() -> None:
    for event in (ProjectEdited(project_id="p1"), WorkspaceResumed()):
        assert after(ACCEPTED, event)[1] == ("t1",)
    made, looked = after(ACCEPTED, WorkspacePaused())
    assert made.paused and looked == ()


def test_saved_and_taken_up_again_it_goes_on_and_sees_nothing_twice() -> None:
    made, _ = after(ACCEPTED, WorkspacePaused())
    again = Landings(made.data())
    assert again.evolve(recorded(1, ACCEPTED)) == ()
    assert again.data() == made.data()


def test_a_card_that_takes_back_what_landed_is_looked_at_until_it_has_landed_itself() -> None:
    wanted = RevertRequested(task_id="t1", of=("t0",))
    made, looked = after(wanted)
    assert looked == ("t1",) and made.waiting == {"t1": Cause(1, "c1")}
    # Sent back, as the base branch moved under it; failed, and moved back to To do.
    for event in (TaskRejected(task_id="t1", cause="conflict"), TaskReopened(task_id="t1")):
        made, looked = after(wanted, event)
        assert looked == ("t1",) and made.waiting == {"t1": Cause(1, "c1")}
    again = Landings(made.data())
    assert again.reverts == {"t1": Cause(1, "c1")}
    landed = TaskLanded(task_id="t1", run_id=None, head=HEAD, branch="main", oid=HEAD, strategy="squash")
    for end in (landed, TaskArchived(task_id="t1", from_state="failed")):
        again = Landings(made.data())
        assert again.evolve(recorded(9, end)) == ()
        assert (again.waiting, again.reverts) == ({}, {})
