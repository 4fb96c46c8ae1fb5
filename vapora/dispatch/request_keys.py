"""Requests that come again: a key is recognised by an event that was appended together with the first one's effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from events.ids import StreamName, request_stream
from events.workspace import RequestAccepted
from vapora.errors import KeyReusedError
from vapora.log.client import LogClient
from vapora.views import Accepted

_LIVES = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An Idempotency-Key with what it is tied to: the caller, the route, and the body that came with it."""

    user: str
    route: str
    key: str
    body: bytes

    @property
    def stream(self) -> StreamName:
        return request_stream(sha256("\n".join((self.user, self.route, self.key)).encode()).hexdigest()[:40])

    @property
    def body_digest(self) -> str:
        return sha256(self.body).hexdigest()

    def accepted(self, answer_id: str) -> RequestAccepted:
        """What is appended together with the request's effect."""
        return RequestAccepted(
            key_digest=self.stream.partition(":")[2], body_digest=self.body_digest, answer_id=answer_id
        )


async def answer_to(key: RequestKey, log: LogClient, now: datetime) -> tuple[Accepted | None, int]:
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
    return Accepted(id=event.answer_id, position=recorded[-1].position), len(recorded)
