"""From events to spans, from events as the platform writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from events import DomainEvent, Recorded, routing, run, task
from events.base import topics
from events.content import Content
from events.ids import Provider, Review, Tier, WaitReason
from events.money import MicroUsd
from vapora import trace_ids as ids
from vapora.observability.spans import TOPICS, LogSpans, Span, State

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# A correlation whose trace is among the half that is sampled, and one that is not.
SAMPLED, UNSAMPLED = (
    next(f"cor-{n}" for n in range(99) if ids.is_sampled(ids.trace_id_of(f"cor-{n}"), 0.5) is wanted)
    for wanted in (True, False)
)


class Told:
    """A log under the hands of a test: a second goes by before each event."""

    def __init__(self, correlation: str = SAMPLED) -> None:
        self.correlation = correlation
        self.events: list[Recorded] = []

    def say(self, stream: str, event: DomainEvent, correlation: str = "") -> Recorded:
        position = len(self.events) + 1
        recorded = Recorded(
            position=position,
            stream=stream,
            version=position,
            recorded_at=NOON + timedelta(seconds=position),
            workspace="default",
            actor="tester",
            correlation=correlation or self.correlation,
            causation=position - 1 or None,
            request_id=f"req-{position}",
            event=event,
        )
        self.events.append(recorded)
        return recorded

    def a_task(self) -> None:
        """Submitted, given to an agent, carried out with two calls of a model, one of them in vain, accepted."""
        self.say("task:t", task.TaskSubmitted(task_id="t", project_id="p", title="secret title", task_type="review"))
        self.say("task:t", assigned())
        self.say("run:r", started())
        self.say("run:r", selected(1))
        self.say("run:r", failed(1))
        self.say("run:r", selected(2))
        self.say("run:r", called(2))
        self.say("run:r", run.RunWaiting(run_id="r", task_id="t", reason=WaitReason.BUDGET, remedy="raise it"))
        self.say("run:r", run.RunContinued(run_id="r", task_id="t"))
        self.say("run:r", used())
        self.say("run:r", succeeded())
        self.say("task:t", task.TaskCompleted(task_id="t", run_id="r"))


def assigned() -> task.TaskAssigned:
    return task.TaskAssigned(
        task_id="t", run_id="r", agent_id="dev", role="developer", subject="s", candidates=(), reason="", policy="p",
        propensity=1,
    )  # fmt: skip


def started() -> run.RunStarted:
    return run.RunStarted(
        run_id="r", task_id="t", project_id="p", agent_id="dev", role="developer", task_type="review", steps=("a",)
    )


def selected(attempt: int) -> routing.ProviderSelected:
    return routing.ProviderSelected(
        run_id="r", task_id="t", call_id="r/0", step=0, attempt=attempt, provider=Provider("anthropic"), model="m",
        policy="rules", reason="", tier=Tier.NORMAL, budget="", candidates=(),
    )  # fmt: skip


def failed(attempt: int) -> run.ModelCallFailed:
    return run.ModelCallFailed(
        run_id="r", task_id="t", call_id="r/0", step=0, attempt=attempt, provider=Provider("anthropic"), model="m",
        error="overloaded", message="secret words", retryable=True, booked=False,
    )  # fmt: skip


def called(attempt: int) -> run.ModelCalled:
    return run.ModelCalled(
        run_id="r", task_id="t", call_id="r/0", step=0, attempt=attempt, provider=Provider("anthropic"), model="m",
        answer=Content(text="secret answer", size=13), finish="stop", tokens=run.Tokens(input=7, output=5),
        cost_microusd=MicroUsd(12), latency_ms=800,
    )  # fmt: skip


def used() -> run.ToolUsed:
    return run.ToolUsed(
        run_id="r", task_id="t", step=0, call=0, call_id="c", name="file_read", effect="pure", ok=True,
        arguments=Content(text="secret", size=6), result=Content(text="secret", size=6), duration_ms=250,
    )  # fmt: skip


def succeeded() -> run.RunSucceeded:
    return run.RunSucceeded(run_id="r", task_id="t", agent_id="dev", role="developer", task_type="review", summary="s")


def spans_of(events: Sequence[Recorded], fold: LogSpans | None = None) -> list[Span]:
    fold = fold or LogSpans(ratio=0.5)
    return [span for recorded in events for span in fold.evolve(recorded)]


@pytest.fixture
def told() -> Told:
    told = Told()
    told.a_task()
    return told


def test_a_task_is_one_trace_with_the_right_parents_and_times(told: Told) -> None:
    spans = spans_of(told.events)
    assert [one.name for one in spans] == [
        "waited",
        "chat m",
        "chat m",
        "waited",
        "execute_tool file_read",
        "run",
        "task",
    ]
    assert {one.trace_id for one in spans} == {ids.trace_id_of(SAMPLED)}
    waited, lost, answered, broke, tool, at_run, at_task = spans
    assert at_task.span_id == ids.span_id_of("task:t", 1)
    assert at_task.parent_id == ids.append_span("req-1")
    assert {waited.parent_id, at_run.parent_id} == {at_task.span_id}
    assert {one.parent_id for one in (lost, answered, broke, tool)} == {at_run.span_id} == {ids.run_span("r")}
    assert answered.span_id == ids.call_span("r", "r/0", 2)
    assert (lost.error, answered.error, answered.kind) == ("overloaded", None, "client")
    assert answered.ended - answered.started == timedelta(milliseconds=800)
    assert tool.ended - tool.started == timedelta(milliseconds=250)
    assert broke.attributes["vapora.reason"] == "budget"
    assert (at_task.started, at_task.ended) == (NOON + timedelta(seconds=1), NOON + timedelta(seconds=12))
    assert answered.attributes["gen_ai.usage.output_tokens"] == 5


def test_no_text_of_people_or_models_goes_out(told: Told) -> None:
    assert "secret" not in repr(spans_of(told.events))


def test_ids_are_the_same_each_time_and_different_from_each_other(told: Told) -> None:
    first, again = spans_of(told.events), spans_of(told.events)
    assert first == again
    assert len({one.span_id for one in first}) == len(first)


@pytest.mark.parametrize("cut", range(13))
def test_a_fold_that_was_saved_anywhere_goes_on_as_if_it_had_not_been(told: Told, cut: int) -> None:
    before = LogSpans(ratio=0.5)
    first = spans_of(told.events[:cut], before)
    kept = TypeAdapter(State).validate_json(TypeAdapter(State).dump_json(before.state))
    assert first + spans_of(told.events[cut:], LogSpans(0.5, kept)) == spans_of(told.events)


def test_a_task_whose_request_is_not_recorded_has_no_parent() -> None:
    told = Told(UNSAMPLED)
    told.a_task()
    assert spans_of(told.events)[-1].parent_id is None


def test_a_run_that_ends_in_the_middle_of_a_call_leaves_no_call_open() -> None:
    told = Told()
    told.say("run:r", started())
    told.say("run:r", selected(1))
    told.say("run:r", run.RunCancelled(run_id="r", task_id="t", agent_id="dev", reason="called off"))
    fold = LogSpans(ratio=0)
    chat, whole = spans_of(told.events, fold)
    assert (chat.error, whole.error) == ("its run ended first", None)
    assert fold.state == State()


def test_what_a_person_does_later_is_a_trace_of_its_own_that_points_back(told: Told) -> None:
    told.events.pop()
    told.say("task:t", task.TaskSentToReview(task_id="t", run_id="r", reviewer=Review.HUMAN))
    told.say("task:t", task.TaskApproved(task_id="t", head="abc"), correlation="cor-merge")
    told.say(
        "task:t",
        task.TaskLanded(task_id="t", run_id="r", head="abc", branch="main", oid="def", strategy="squash"),
        correlation="cor-merge",
    )
    *_, review, whole, landing = spans_of(told.events)
    assert (review.name, review.attributes["vapora.reason"]) == ("waited", "review by human")
    assert landing.trace_id == ids.trace_id_of("cor-merge")
    assert landing.parent_id is None
    assert landing.links == ((whole.trace_id, whole.span_id),)


def test_a_task_that_was_sent_back_waits_again_and_is_the_same_trace() -> None:
    told = Told()
    told.a_task()
    told.events.pop()
    told.say("task:t", task.TaskSentToReview(task_id="t", run_id="r", reviewer=Review.HUMAN))
    told.say("task:t", task.TaskRejected(task_id="t", run_id="r"))
    told.say("task:t", assigned())
    *_, review, waited = spans_of(told.events)
    assert (review.ended, waited.started) == (told.events[-2].recorded_at,) * 2
    assert waited.parent_id == ids.span_id_of("task:t", 1)


def test_every_topic_is_one_of_the_logs() -> None:
    assert set(TOPICS) <= topics().keys()


def test_events_whose_beginning_was_never_seen_give_nothing() -> None:
    told = Told()
    told.say("run:r", called(1))
    told.say("run:r", succeeded())
    told.say("task:t", task.TaskCompleted(task_id="t", run_id="r"))
    assert spans_of(told.events) == []
