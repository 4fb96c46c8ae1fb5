"""M10 on real Ray: one correlation id through all twelve steps, over HTTP and WebSocket, with each real SDK."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from events.ids import PROVIDERS, Provider, TaskState
from tests.cluster.site import Site
from tests.waiting import wait_for
from vapora.views import BoardCard, EventView, Frame, TaskAccepted

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

# A task type that the rules give to each provider.
TASK_TYPES = {
    Provider.ANTHROPIC: ("code-generation", "developer"),
    Provider.OPENAI: ("unit-test", "tester"),
    Provider.GEMINI: ("general-query", "project-manager"),
    Provider.OLLAMA: ("embeddings", "documenter"),
}

# M10's steps as the log tells them, in causal order: money moves before the answer is seen (R10).
STEPS = [
    "task.submitted",  # 1, 2: accepted and persisted
    "task.assigned",  # 3, 4: offered under its subject, given to the best agent
    "run.started",  # 5: the agent has it
    "routing.provider-selected",  # 5: budget status, then the rules
    "budget.spend-reserved",  # 5: no reservation, no call
    "run.model-called",  # 6: the answer
    "budget.spend-settled",  # 10: its money, in the same append
    "run.artifact-recorded",  # 7, 8: the result
    "run.succeeded",  # 7: the execution record
    "task.completed",  # 12: the card moves
]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_one_correlation_crosses_the_twelve_steps_in_causal_order(site: Site, provider: Provider) -> None:
    task_type, role = TASK_TYPES[provider]
    correlation = f"trace-{provider}"
    project = site.project(f"Trace {provider}")
    before = site.client.position()
    frames: list[Frame] = []
    live = site.client.live(after=before)
    listener = threading.Thread(target=lambda: _listen(live, frames), daemon=True)
    listener.start()

    body = {
        "project_id": project,
        "title": f"Work for {provider}",
        "task_type": task_type,
        "role": role,
        "review": "none",
    }
    posted = httpx.post(
        f"{site.client.url}/api/v1/tasks", json=body, headers={"X-Correlation-Id": correlation}, timeout=30
    )
    assert posted.status_code == 202
    assert posted.headers["X-Correlation-Id"] == correlation
    answer = TaskAccepted.model_validate_json(posted.content)
    (card,) = site.wait_until_done([answer.task_id])
    events = list(site.client.events(correlation=correlation))

    assert _first_positions(events, STEPS) == sorted(_first_positions(events, STEPS))
    assert {event.correlation for event in events} == {correlation}
    assert events[0].position == answer.position
    # Every later event names one of the same request that led to it.
    positions = {event.position for event in events}
    assert all(event.causation in positions for event in events[1:])
    _assert_subject_and_scores(events, task_type)
    _assert_model_and_money(site, events, provider)
    # 3: it went through NATS, which holds nothing of it any more; and outsiders hear all of it there.
    assert wait_for("the queue to be empty", lambda: site.client.queue().depth == {})
    assert httpx.get(f"{site.client.url}/health", timeout=30).json()["queue"] == "nats"
    wait_for("the mirror", lambda: _mirrored(site, correlation) == events)
    # 9, 10: the profile and the costs know the run.
    profiles = {one.task_type: one for one in site.client.learning(role, after=card.position).profiles}
    assert profiles[task_type].runs >= 1
    assert card.cost_microusd == sum(one["cost_microusd"] for one in _calls(events))
    # 11, 12: the card came by WebSocket, and the board shows it.
    done = wait_for("the done card over the socket", lambda: _pushed(frames, answer.task_id))
    live.close()
    assert done["row"]["state"] == "done"
    assert answer.task_id in {one.id for one in site.client.board(project_id=project).columns["done"]}


def _mirrored(site: Site, correlation: str) -> list[EventView]:
    return [event for _, event in site.streams().mirror if event.correlation == correlation]


def _listen(live: object, frames: list[Frame]) -> None:
    for frame in live:  # type: ignore[attr-defined]
        frames.append(frame)


def _is(event: EventView, topic: str) -> bool:
    return event.topic == topic


def _calls(events: list[EventView]) -> list[dict[str, Any]]:
    return [event.event for event in events if _is(event, "run.model-called")]


def _first_positions(events: list[EventView], topics: list[str]) -> list[int]:
    # The reservation stands right before or after the choice in one append: their order among themselves is free.
    firsts = {topic: next(event.position for event in events if event.topic == topic) for topic in topics}
    for one, other in (
        ("routing.provider-selected", "budget.spend-reserved"),
        ("run.model-called", "budget.spend-settled"),
    ):
        firsts[one] = firsts[other] = min(firsts[one], firsts[other])
    return [firsts[topic] for topic in topics]


def _assert_subject_and_scores(events: list[EventView], task_type: str) -> None:
    assigned: dict[str, Any] = next(event.event for event in events if _is(event, "task.assigned"))
    assert assigned["subject"] == f"tasks.{task_type}.medium"
    assert assigned["reason"]
    assert assigned["propensity"] == 1.0
    chosen = [one for one in assigned["candidates"] if one["agent_id"] == assigned["agent_id"]]
    parts = chosen[0]["parts"]
    assert chosen[0]["score"] == pytest.approx(parts["base"] + parts["expertise"] + parts["confidence"])
    assert len(assigned["candidates"]) >= 12


def _assert_model_and_money(site: Site, events: list[EventView], provider: Provider) -> None:
    calls = _calls(events)
    assert {call["provider"] for call in calls} == {provider}
    assert not any(call["simulated"] for call in calls)
    billed = site.vendors.ledger.bills
    assert len(billed) == len(calls)
    assert sum(call["cost_microusd"] for call in calls) == site.vendors.ledger.billed_microusd


def _pushed(frames: list[Frame], task_id: str) -> BoardCard | None:
    for frame in frames:
        for one in frame.rows:
            if one.view == "task" and one.row.id == task_id and one.row.state is TaskState.DONE:
                return one.row
    return None
