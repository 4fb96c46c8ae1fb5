from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import ValidationError

from events import Recorded, event_class, topics
from events.base import DomainEvent, Value, _registry
from events.task import Candidate, TaskApproved
from tests.golden.examples import AT, EXAMPLES


@pytest.fixture(autouse=True)
def _registry_as_before() -> object:
    before = dict(_registry)
    yield
    _registry.clear()
    _registry.update(before)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.TOPIC)
def test_an_event_is_frozen_and_closed(event: DomainEvent) -> None:
    field = next(iter(type(event).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(event, field, "other")
    with pytest.raises(ValidationError, match="Extra inputs"):
        type(event).model_validate({**dict(event), "surprise": 1})


def test_an_event_is_found_under_its_topic() -> None:
    assert event_class("task.approved") is TaskApproved
    assert event_class("task.teleported") is None
    assert topics()["task.approved"] is TaskApproved


def test_the_registry_handed_out_is_a_copy() -> None:
    topics().clear()
    assert event_class("task.approved") is TaskApproved


def test_an_event_needs_a_topic_of_its_own() -> None:
    with pytest.raises(TypeError, match="needs a TOPIC of its own"):

        class Nameless(DomainEvent):
            pass

    with pytest.raises(TypeError, match="needs a TOPIC of its own"):

        class ApprovedTwice(TaskApproved):
            pass


def test_a_topic_cannot_be_taken_twice() -> None:
    with pytest.raises(TypeError, match="belongs to TaskApproved already"):

        class Waved(DomainEvent):
            TOPIC: ClassVar[str] = "task.approved"


@pytest.mark.parametrize("topic", sorted(topics()))
def test_topics_have_one_form(topic: str) -> None:
    noun, _, verb = topic.partition(".")
    assert noun.replace("-", "").isalpha()
    assert noun.islower()
    assert verb.replace("-", "").isalpha()
    assert not topics()[topic].__name__.endswith("Event")


def test_a_number_that_json_does_not_know_cannot_stand_in_an_event() -> None:
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValidationError, match="finite"):
            Candidate(agent_id="a", role="r", score=number)


def test_values_are_frozen_and_closed_too() -> None:
    class Spot(Value):
        x: int

    with pytest.raises(ValidationError):
        Spot.model_validate({"x": 1, "y": 2})
    with pytest.raises(ValidationError):
        Spot(x=1).x = 2  # type: ignore[misc]
    assert Spot(x=1) == Spot(x=1)


def test_an_older_version_without_an_upcast_is_refused() -> None:
    with pytest.raises(ValueError, match=r"task\.approved has no upcast from version 0"):
        TaskApproved.upcast(0, {})


def test_the_envelope_knows_the_topic_of_its_event() -> None:
    recorded = Recorded(1, "s", 1, AT, "w", "a", "c", None, "r", TaskApproved(task_id="t"))
    assert recorded.topic == "task.approved"
