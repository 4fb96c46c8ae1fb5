"""uvicorn's HTTP protocol, with two limits that it has no settings for.

Without them the head of a request may have any size (it is held in memory), and a connection whose request comes in
slowly, or not at all, stays open for ever.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vapora.api import problems

# All header lines and the request line together. Bytes that arrive in one read are parsed before they are counted.
MAX_HEAD_BYTES = 65_536
# A body that comes too slowly is answered by the application, which knows more about it. It goes first.
_GRACE_S = 2.0


class LimitedHttp(HttpToolsProtocol):
    """Refuses a head beyond `MAX_HEAD_BYTES`, and ends a connection whose request has not arrived in time."""

    receive_timeout_s = 30.0

    _deadline: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head = self._in_head
        super().data_received(data)
        if not self._in_head:
            return
        self._head_bytes = self._head_bytes + len(data) if was_in_head else len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(problems.HEAD_TOO_LARGE, f"The head of a request may have {MAX_HEAD_BYTES:,} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._set_deadline()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._clear_deadline()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._clear_deadline()
        super().handle_websocket_upgrade()

    def _set_deadline(self) -> None:
        self._clear_deadline()
        self._deadline = self.loop.call_later(self.receive_timeout_s + _GRACE_S, self._too_late)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is under way: either it ends this request too, or the next one waits for us, not for the client.
            self._set_deadline()
        elif self._in_head:
            self._refuse(problems.TOO_SLOW, f"A request has to arrive within {self.receive_timeout_s:g} s.")
        else:
            self.transport.close()

    def _refuse(self, kind: problems.Kind, detail: str) -> None:
        self._in_head = False
        answer = problems.problem(kind, detail, "")
        lines = [f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}".encode(), b"connection: close"]
        lines += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()


def limited(receive_timeout_s: float) -> type[LimitedHttp]:
    """The protocol for `uvicorn.Config(http=…)`, which makes one for each connection."""
    return type("LimitedHttp", (LimitedHttp,), {"receive_timeout_s": receive_timeout_s})
