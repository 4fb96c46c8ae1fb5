"""Of each request: who asks, under which key, and for which versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from pydantic import JsonValue

from events.ids import StreamName, request_stream
from events.workspace import RequestAccepted
from vapora.errors import PreconditionFailedError


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, in which workspace, at whose request, and because of which event."""

    workspace: str
    actor: str
    correlation: str
    causation: int | None = None


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

    def accepted(self, answer_id: str, answer: Mapping[str, JsonValue] | None = None) -> RequestAccepted:
        """What is appended together with the request's effect. `answer`: what cannot be read again from the thing."""
        return RequestAccepted(
            key_digest=self.stream.partition(":")[2],
            body_digest=self.body_digest,
            answer_id=answer_id,
            answer=dict(answer or {}),
        )


@dataclass(frozen=True, slots=True)
class IfMatch:
    """The versions of a thing that a change of it was made for; `any_version`: it has only to be there."""

    versions: frozenset[str]
    any_version: bool = False

    def require(self, current: str) -> None:
        """`PreconditionFailedError` where it is at another version by now."""
        if not self.any_version and current not in self.versions:
            raise PreconditionFailedError(
                "It has changed since it was read.",
                remedy="Read it again, decide anew, and send the ETag of that answer in If-Match.",
            )
