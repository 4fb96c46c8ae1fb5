"""The four vendors' shapes on the wire: one `Dialect` each, in a module of its own.

Written from the vendors' public descriptions of their protocols. A dialect knows shapes only; when to
answer, bill, drop or wait is the server's (`wire.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from vapora.llm.protocol import Provider
from vapora.testing.wire.script import Answer, Fault
from vapora.unicode import is_unicode

UNKNOWN_MODEL = "unknown-model"


@dataclass(frozen=True)
class Refusal:
    """An error in a vendor's shape."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """One vendor's protocol."""

    provider: Provider
    stream_media_type: str
    ask_path: str
    list_path: str

    def key_in(self, headers: Mapping[str, str]) -> str:
        """The API key that a request carries, or ''."""
        ...

    def model_of(self, path: str, body: dict[str, Any]) -> str: ...

    def streams(self, path: str, body: dict[str, Any]) -> bool: ...

    def limit_of(self, body: dict[str, Any]) -> int | None:
        """The request's limit on output tokens."""
        ...

    def objection(self, body: dict[str, Any]) -> str:
        """Why the vendor refuses this conversation, in its own words: a tool call without its result, say. Or ''."""
        ...

    def refusal(self, fault: Fault | str, key: str, retry_after_s: float | None, said: str = "") -> Refusal:
        """`said` instead of the vendor's usual words."""
        ...

    def whole(self, answer: Answer) -> dict[str, Any]: ...

    def pieces(self, answer: Answer) -> list[bytes]:
        """The body of a streamed answer, event by event."""
        ...

    def headers(self, call_id: str) -> dict[str, str]: ...

    def models(self) -> dict[str, Any]:
        """What the list of models answers."""
        ...


def sse(data: dict[str, Any] | str, event: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    if not is_unicode(text):
        text = json.dumps(data)  # as escapes: half of a character has no other form
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode()


def waits(retry_after_s: float | None) -> dict[str, str]:
    return {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
