"""What is on offer, given the events of a log (M10.3, R12–R14)."""

from __future__ import annotations

from datetime import UTC, datetime

from events.base import DomainEvent
from events.ids import ChecksVerdict
from events.recorded import Recorded
from events.run import RunCancelled
from events.task import (
    AttemptPicked,
    AttemptRequested,
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskLanded,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskRequeued,
    TaskSentToReview,
    TaskSubmitted,
)
from events.work import Work
from vapora.domain.offers import Offer, OpenOffers
from vapora.domain.swarm import rules as rules


class Log:
    def __init__(self, *events: DomainEvent) -> None:
        self.open_offers = OpenOffers("acme")
        self.records: list[Recorded] = []
        self.add(*events)

    def add(self, *events: DomainEvent) -> None:
        for event in events:
            stream = f"{event.TOPIC.split('.')[0]}:t1"
            version = sum(one.stream == stream for one in self.records) + 1
            at = datetime(2026, 11, 22, tzinfo=UTC)
            self.records.append(
                Recorded(len(self.records) + 1, stream, version, at, "acme", "a", "c", None, "r", event)
            )
            self.open_offers.evolve(self.records[-1])


SUBMITTED = TaskSubmitted(task_id="t1", project_id="p", title="Do it", task_type="unit-test", priority=80)
ASSIGNED = TaskAssigned(
    task_id="t1", run_id="t1.1", agent_id="a", role="tester", subject="s", candidates=(), reason="r", policy="p",
    propensity=1,
)  # fmt: skip
REVIEWED = TaskSentToReview(task_id="t1", run_id="t1.1", reviewer="human")


def test_a_submitted_task_is_on_offer_under_its_type_and_priority() -> None:
    log = Log(SUBMITTED)
    assert log.open_offers.offers == {"t1": Offer("t1", 1, 1, "acme.tasks.unit-test.high", 80)}


def test_an_assigned_one_is_not() -> None:
    assert Log(SUBMITTED, ASSIGNED).open_offers.offers == {}


def test_each_way_back_to_do_is_an_offer_of_its_own() -> None:
    ways: list[tuple[DomainEvent, ...]] = [
        (TaskFailed(task_id="t1", run_id="t1.1", reason="r"), TaskReopened(task_id="t1")),
        (REVIEWED, TaskRejected(task_id="t1", run_id="t1.1")),
        (TaskRecalled(task_id="t1", run_id="t1.1"),),
        (TaskReleased(task_id="t1", run_id="t1.1", reason="r"),),
    ]
    for way in ways:
        offers = Log(SUBMITTED, ASSIGNED, *way).open_offers.offers
        assert [(one.position, one.version) for one in offers.values()] == [(2 + len(way), 2 + len(way))]


def test_an_edit_leaves_the_offer_as_it_is_and_shows_in_the_next_one() -> None:
    log = Log(SUBMITTED, TaskEdited(task_id="t1", priority=10))
    assert log.open_offers.offers["t1"].subject == "acme.tasks.unit-test.high"
    log.add(ASSIGNED, TaskRecalled(task_id="t1", run_id="t1.1"))
    assert log.open_offers.offers["t1"] == Offer("t1", 4, 4, "acme.tasks.unit-test.low", 10)


def test_what_is_put_back_is_an_offer_of_its_own() -> None:
    log = Log(SUBMITTED, TaskEdited(task_id="t1", priority=10), TaskRequeued(task_id="t1", deliveries=5))
    assert log.open_offers.offers["t1"] == Offer("t1", 3, 3, "acme.tasks.unit-test.low", 10)


def test_what_is_over_is_on_offer_no_more() -> None:
    assert Log(SUBMITTED, TaskArchived(task_id="t1", from_state="todo")).open_offers.offers == {}
    assert Log(SUBMITTED, ASSIGNED, REVIEWED, TaskApproved(task_id="t1")).open_offers.offers == {}


def test_seen_again_or_of_another_kind_an_event_changes_nothing() -> None:
    log = Log(SUBMITTED, ASSIGNED)
    log.open_offers.evolve(log.records[0])
    log.add(RunCancelled(run_id="t1.1", task_id="t1", agent_id="a", reason="r"))
    assert log.open_offers.offers == {}
    assert log.open_offers.position == 2


def test_only_what_lies_beyond_a_position_is_asked_for_in_the_logs_order() -> None:
    log = Log(SUBMITTED)
    assert [one.task_id for one in log.open_offers.after(0)] == ["t1"]
    assert log.open_offers.after(1) == []


def test_saved_and_taken_up_again_it_goes_on_as_if_it_had_never_stopped() -> None:
    whole = Log(SUBMITTED, TaskEdited(task_id="t1", priority=10), ASSIGNED, TaskRecalled(task_id="t1", run_id="t1.1"))
    for cut in range(len(whole.records) + 1):
        first = OpenOffers("acme")
        for recorded in whole.records[:cut]:
            first.evolve(recorded)
        second = OpenOffers("acme", first.data())
        for recorded in whole.records:
            second.evolve(recorded)
        assert second.data() == whole.open_offers.data()


def test_what_the_coordinator_knows_makes_the_same_subjects() -> None:
    log = Log(SUBMITTED, ASSIGNED, TaskRecalled(task_id="t1", run_id="t1.1"))
    swarm = rules.initial()
    for recorded in log.records:
        rules.evolve(swarm, recorded)
    assert rules.open_offers(swarm, "acme").offers == log.open_offers.offers


def _work(head: str = "b") -> Work:
    at = {"branch": "vapora/t1", "base_branch": "main", "base": "a" * 40, "head": head * 40}
    return Work(**at, checks=ChecksVerdict.GREEN)


def test_done_work_that_has_not_landed_may_be_on_offer_again() -> None:
    for done in (
        (TaskCompleted(task_id="t1", run_id="t1.1", work=_work()),),
        (REVIEWED.model_copy(update={"work": _work()}), TaskApproved(task_id="t1", head="b" * 40)),
    ):
        log = Log(SUBMITTED, ASSIGNED, *done)
        assert log.open_offers.offers == {}
        log.add(TaskRejected(task_id="t1", cause="conflict"))
        assert log.open_offers.offers["t1"].position == len(log.records)


def test_another_attempt_is_an_offer_until_one_is_picked() -> None:
    log = Log(SUBMITTED, ASSIGNED, REVIEWED.model_copy(update={"work": _work()}))
    log.add(AttemptRequested(task_id="t1", number=2))
    assert log.open_offers.offers["t1"].position == 4
    log.add(AttemptPicked(task_id="t1", number=1, work=_work()))
    assert log.open_offers.offers == {}


def test_of_a_task_that_has_landed_or_changed_nothing_no_more_is_kept() -> None:
    landed = TaskLanded(task_id="t1", run_id=None, head="b", branch="main", oid="c", strategy="squash")
    ends: list[tuple[DomainEvent, ...]] = [
        (TaskCompleted(task_id="t1", run_id="t1.1", work=_work()), landed),
        (TaskCompleted(task_id="t1", run_id="t1.1", work=_work("a")),),
        (TaskCompleted(task_id="t1", run_id="t1.1"),),
    ]
    for end in ends:
        data = Log(SUBMITTED, ASSIGNED, *end).open_offers.data()
        assert (data.kinds, data.to_land) == ({}, ())
