"""Requests that come again: a key is recognised by an event that was appended together with the first one's effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from events.workspace import RequestAccepted
from vapora.errors import KeyReusedError
from vapora.log.client import LogClient
from vapora.ports import RequestKey
from vapora.views import Accepted

_LIVES = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """What a request under this key was answered. `details`: what stands nowhere else in the log."""

    id: str
    position: int
    details: Mapping[str, JsonValue]

    @property
    def accepted(self) -> Accepted:
        return Accepted(id=self.id, position=self.position)

    @property
    def whole(self) -> dict[str, JsonValue]:
        return {**self.details, "position": self.position}


async def answer_to(key: RequestKey, log: LogClient, now: datetime) -> tuple[EarlierAnswer | None, int]:
    """The answer that this key was given within its life, and the version of its stream. `KeyReusedError` where it
    came with another body."""
    recorded = await log.read(key.stream)
    if not recorded or now - recorded[-1].recorded_at > _LIVES:
        return None, len(recorded)
    event = recorded[-1].event
    if not isinstance(event, RequestAccepted) or event.body_digest != key.body_digest:
        raise KeyReusedError(
            "This Idempotency-Key came before with another body.", remedy="Send a new key with a new request."
        )
    position = position_of_effect(recorded[-1].position, (event,))
    return EarlierAnswer(event.answer_id, position, event.answer), len(recorded)


def position_of_effect(last: int, marker: Sequence[object]) -> int:
    """Of the last event that a request led to, where its append ended at `last`. The event of its key comes behind them
    and changes nothing that anybody follows: a client that follows from one below the position it was answered must
    hear of its own change, with a key as without one."""
    return last - len(marker)
