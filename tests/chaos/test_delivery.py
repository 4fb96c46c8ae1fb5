"""Each check of what NATS and the consumer hold is shown to see its fault: it is planted in a copy of what is sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from actors.coordinator.queue_consumer import ConsumerState
from events import DomainEvent, Recorded
from events.ids import TaskState, WaitReason
from events.task import (
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskFailed,
    TaskReopened,
    TaskRequeued,
    TaskSubmitted,
    TaskWaiting,
)
from vapora.testing.delivery import Offered, Streams, delivery, to_do
from vapora.views import EventView

ACME = "acme"
SUBJECT = "acme.tasks.unit-test.medium"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _submitted(task_id: str) -> TaskSubmitted:
    return TaskSubmitted(task_id=task_id, project_id="p", title="Do it", task_type="unit-test")


def _assigned(task_id: str, run: int = 1) -> TaskAssigned:
    return TaskAssigned(
        task_id=task_id, run_id=f"{task_id}.{run}", agent_id="tester", role="tester", subject=SUBJECT, candidates=(),
        reason="r", policy="p", propensity=1,
    )  # fmt: skip


def _log(*events: Any) -> list[Recorded]:
    found: list[Recorded] = []
    for position, event in enumerate(events, 1):
        stream = f"task:{event.task_id}"
        version = sum(one.stream == stream for one in found) + 1
        found.append(
            Recorded(
                position=position, stream=stream, version=version, recorded_at=NOON, workspace=ACME, actor="tester",
                correlation="cor", causation=None, request_id=f"r{position}", event=event,
            )
        )  # fmt: skip
    return found


# `a` is done, `b` was tried and is to be done again, `c` waits, `d` could not be given out, `e` is gone.
LOG = _log(
    _submitted("a"),
    _submitted("b"),
    _assigned("a"),
    _assigned("b"),
    TaskCompleted(task_id="a", run_id="a.1"),
    TaskFailed(task_id="b", run_id="b.1", reason="no"),
    _submitted("c"),
    TaskReopened(task_id="b"),
    _submitted("d"),
    TaskWaiting(task_id="d", reason=WaitReason.PAUSED, remedy="See the journal, then: vapora queue requeue d"),
    _submitted("e"),
    TaskArchived(task_id="e", from_state=TaskState.TODO),
)
OFFERS = (
    Offered(3, SUBJECT, "c", 7, 1),
    Offered(4, SUBJECT, "b", 8, 4),
    Offered(5, SUBJECT, "d", 9, 1, dead=True),
)
STATE = ConsumerState(
    offers={"c": 7, "b": 8, "d": 9}, delivered={"c": 7, "d": 9}, aside={"d": 9}, dead={"d": 9}, put_off={"c": 7}
)


def _mirrored(one: Recorded) -> tuple[str, EventView]:
    view = EventView(
        position=one.position, stream=one.stream, version=one.version, topic=one.topic, recorded_at=one.recorded_at,
        workspace=one.workspace, actor=one.actor, correlation=one.correlation, causation=one.causation,
        event=one.event.model_dump(mode="json"),
    )  # fmt: skip
    return f"vapora.events.acme.{one.topic}", view


MIRROR = tuple(_mirrored(one) for one in LOG)
STREAMS = Streams(offers=OFFERS, consumers={SUBJECT: 2}, checkpoint=12, mirror=MIRROR)


def _checks(
    streams: Streams = STREAMS, held: ConsumerState = STATE, log: list[Recorded] = LOG
) -> list[tuple[str, str]]:
    return [(one.check, one.where) for one in delivery(streams, log, ACME, held)]


def _offers(change: Callable[[list[Offered]], Any], coming: int = 2) -> Streams:
    offers = list(OFFERS)
    change(offers)
    return replace(STREAMS, offers=tuple(offers), consumers={SUBJECT: coming})


def _and(more: Offered) -> Streams:
    return _offers(lambda offers: offers.append(more), 3)


def test_what_is_sound_has_no_finding() -> None:
    assert _checks() == []


def test_what_is_to_be_done_is_the_event_that_made_it_so() -> None:
    found = {task_id: place[:2] for task_id, place in to_do(LOG, ACME).items()}
    assert found == {"c": (7, 1), "b": (8, 4), "d": (9, 1)}
    put_back = _log(*(one.event for one in LOG), TaskRequeued(task_id="d", deliveries=5))
    assert to_do(put_back, ACME)["d"] == (13, 3, SUBJECT)


STREAM_FAULTS: list[tuple[str, tuple[str, str], Streams]] = [
    ("a task that nobody is offered", ("offers", "task:c"), _offers(lambda offers: offers.pop(0), 1)),
    ("an offer made twice", ("offers", "task:c"), _and(replace(OFFERS[0], sequence=9))),
    ("an offer of what is done", ("offers", "task:a"), _and(Offered(1, SUBJECT, "a", 1, 1))),
    ("an offer of what is gone", ("offers", "task:e"), _and(Offered(6, SUBJECT, "e", 11, 1))),
    ("an offer that a newer one follows", ("offers", "task:b"), _and(Offered(2, SUBJECT, "b", 2, 1))),
    ("an offer of nobody's", ("offers", "task:x"), _and(Offered(9, SUBJECT, "x", 4, 1))),
    ("an offer under another subject", ("offers", "task:c"), replace(
        _offers(lambda offers: offers.__setitem__(0, replace(offers[0], subject="acme.tasks.unit-test.high"))),
        consumers={SUBJECT: 1, "acme.tasks.unit-test.high": 1})),
    ("a checkpoint behind an offer", ("offers", "checkpoint"), replace(STREAMS, checkpoint=8)),
    ("a checkpoint beyond the log", ("offers", "checkpoint"), replace(STREAMS, checkpoint=13)),
    ("a message that its consumer has done with", ("consumers", SUBJECT), replace(STREAMS, consumers={SUBJECT: 1})),
    ("a subject without a consumer", ("consumers", SUBJECT), replace(STREAMS, consumers={})),
    ("a dead letter that the consumer does not know", ("consumer", "dead letters"), _offers(
        lambda offers: offers.__setitem__(1, replace(offers[1], dead=True)), 1)),
    ("a dead letter of which the card says nothing", ("dead letters", "task:b"), _offers(
        lambda offers: offers.__setitem__(1, replace(offers[1], dead=True)), 1)),
    ("a mirror without an event", ("mirror", "positions"), replace(STREAMS, mirror=MIRROR[:4] + MIRROR[5:])),
    ("a mirror without its beginning", ("mirror", "positions"), replace(STREAMS, mirror=MIRROR[1:])),
    ("a mirror without its end", ("mirror", "positions"), replace(STREAMS, mirror=MIRROR[:-1])),
    ("a mirror with an event twice", ("mirror", "positions"), replace(STREAMS, mirror=(*MIRROR, MIRROR[2]))),
    ("a mirror out of order", ("mirror", "positions"), replace(STREAMS, mirror=(MIRROR[1], MIRROR[0], *MIRROR[2:]))),
    ("a mirror that says something else", ("mirror", "task:a"), replace(
        STREAMS, mirror=((MIRROR[0][0], MIRROR[0][1].model_copy(update={"actor": "other"})), *MIRROR[1:]))),
    ("an event under another subject", ("mirror", "task:a"), replace(
        STREAMS, mirror=(("vapora.events.acme.task.edited", MIRROR[0][1]), *MIRROR[1:]))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "streams"), [fault[1:] for fault in STREAM_FAULTS], ids=[fault[0] for fault in STREAM_FAULTS]
)
def test_a_fault_planted_in_nats_is_found(wanted: tuple[str, str], streams: Streams) -> None:
    assert wanted in _checks(streams)


DESK_FAULTS: list[tuple[str, tuple[str, str], ConsumerState]] = [
    ("a task that it does not know of", ("consumer", "task:c"), replace(STATE, offers={"b": 8, "d": 9})),
    ("a task that is not to be done", ("consumer", "task:a"), replace(STATE, offers={**STATE.offers, "a": 1})),
    ("an older offer of a task", ("consumer", "task:b"), replace(STATE, offers={**STATE.offers, "b": 2})),
    ("a delivery that is over", ("consumer", "delivered"), replace(STATE, delivered={"a": 1})),
    ("a task set aside that is over", ("consumer", "set aside"), replace(STATE, aside={"e": 11})),
    ("a task put off that is over", ("consumer", "put off"), replace(STATE, put_off={"b": 2})),
    ("a dead letter that no server has", ("consumer", "dead letters"), replace(STATE, dead={"d": 9, "c": 7})),
    ("an older dead letter", ("consumer", "dead letters"), replace(STATE, dead={"d": 8})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "held"), [fault[1:] for fault in DESK_FAULTS], ids=[fault[0] for fault in DESK_FAULTS]
)
def test_a_fault_planted_in_the_consumer_is_found(wanted: tuple[str, str], held: ConsumerState) -> None:
    assert wanted in _checks(held=held)


@pytest.mark.parametrize("second", [_assigned("a", 2), _assigned("e"), _assigned("x")])
def test_a_task_that_was_given_out_without_an_offer_is_found(second: DomainEvent) -> None:
    log = _log(*(one.event for one in LOG), second)
    assert ("taken", log[-1].stream) in _checks(log=log)
