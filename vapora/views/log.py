"""The log, as answers show it: events, what was decided and why, and who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import JsonValue

from events.recorded import Recorded
from vapora.views.base import View


class Decision(View):
    position: int
    kind: Literal["agent", "reviewer", "provider", "budget"]
    chosen: str
    reason: str
    candidates: tuple[dict[str, JsonValue], ...] = ()
    policy: str = ""
    propensity: float | None = None
    budget: str = ""


class Why(View):
    decisions: tuple[Decision, ...]


class EventView(View):
    """An event with its envelope, as `/events` shows it."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    workspace: str
    actor: str
    correlation: str
    causation: int | None
    event: dict[str, JsonValue]

    @classmethod
    def of(cls, recorded: Recorded, *, whole: bool = True) -> Self:
        """`whole=False`: the envelope alone."""
        return cls(
            position=recorded.position,
            stream=recorded.stream,
            version=recorded.version,
            topic=recorded.topic,
            recorded_at=recorded.recorded_at,
            workspace=recorded.workspace,
            actor=recorded.actor,
            correlation=recorded.correlation,
            causation=recorded.causation,
            event=recorded.event.as_json() if whole else {},
        )


class AuditEntry(View):
    """Who did what to what, when, and how it came out (M11.12).

    `action`: create, update, delete, execute, assign, complete, override, query-secret, view-audit, deny; `unknown` for
    an event that a newer version wrote. `result`: success, failure, partial-success. `causation`: the position of what
    led to it, null: a request.
    """

    position: int
    timestamp: datetime
    actor: str
    action: str
    resource_type: str
    resource_id: str
    result: str
    details: str
    topic: str
    correlation: str
    causation: int | None


class Chain(View):
    """From an event back to the request that led to it, each because of the one after it."""

    items: tuple[EventView, ...]
    complete: bool
