"""One call to a fake vendor: check the key, wait, bill, and answer or fail as scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from events.ids import Provider
from vapora.errors import UnpricedModelError
from vapora.testing.wire import embeddings
from vapora.testing.wire.dialects import UNKNOWN_MODEL, Dialect
from vapora.testing.wire.script import Answer, Behaviour, Fault, Gate, Ledger, Received, prepare

# Shaped like the real ones, so that a leak would look like a leak.
KEYS = {
    Provider.ANTHROPIC: "sk-ant-fake-0000000000000000",
    Provider.OPENAI: "sk-fake-11111111111111111111",
    Provider.GEMINI: "AIzaFake2222222222222222222",
}


class Vendors(Protocol):
    """What an exchange needs of the server that it belongs to."""

    def take(self, received: Received) -> tuple[Behaviour, str, list[Gate], Ledger]: ...

    def drop(self, client: tuple[str, int]) -> None: ...

    def connected(self, client: tuple[str, int]) -> bool: ...


class Exchange:
    """One vendor's endpoints."""

    def __init__(self, fake: Vendors, dialect: Dialect) -> None:
        self._fake = fake
        self._dialect = dialect

    async def list(self, request: Request) -> Response:
        return self._wrong_key(request) or JSONResponse(self._dialect.models())

    async def ask(self, request: Request) -> Response:
        raw = await request.body()
        if (refused := self._wrong_key(request)) is not None:
            return refused
        received = self._received(request, raw)
        behaviour, call_id, gates, ledger = self._fake.take(received)
        for gate in gates:
            await gate.passing()
        if behaviour.delay_s:
            await asyncio.sleep(behaviour.delay_s)
        if (told := behaviour.raw) is not None:
            body = told.body if isinstance(told.body, str) else json.dumps(told.body)
            return Response(body, told.status, dict(told.headers), told.media_type)
        if behaviour.fault is Fault.DROP:
            return _Dropped(self._fake)
        if behaviour.fault is not None and not behaviour.fault.billed:
            return self._refusal(behaviour.fault, request, behaviour.retry_after_s)
        if (texts := embeddings.texts_of(received.path, received.body)) is not None:
            return self._vectors(received, texts, behaviour, call_id, ledger)
        if said := self._dialect.objection(received.body):
            return self._refusal(Fault.INVALID_REQUEST, request, None, said)
        answer = prepare(behaviour, received, call_id)
        try:
            ledger.charge(self._dialect.provider, answer)
        except UnpricedModelError:
            return self._refusal(UNKNOWN_MODEL, request, None)
        if behaviour.fault is Fault.DROP_BILLED:
            return _Dropped(self._fake)
        if behaviour.fault is Fault.GARBAGE:
            return Response("<html>this is no answer", media_type="text/html")
        return self._answer(answer, received, None if behaviour.fault is Fault.DROP_MIDWAY else ledger)

    def _vectors(
        self, received: Received, texts: Sequence[str], behaviour: Behaviour, call_id: str, ledger: Ledger
    ) -> Response:
        ledger.charge_texts(received.provider, received.model, embeddings.tokens_of(texts), call_id)
        if behaviour.fault is not None:
            return _Dropped(self._fake)
        return JSONResponse(embeddings.answer(received.path, received.model, received.body, texts))

    def _answer(self, answer: Answer, received: Received, ledger: Ledger | None) -> Response:
        """Without a ledger to note its delivery in, the answer stops half way."""
        dialect = self._dialect
        if received.stream:
            pieces, media = dialect.pieces(answer), dialect.stream_media_type
            length = None
        else:
            body = json.dumps(dialect.whole(answer)).encode()
            pieces, media = [body[: len(body) // 2], body[len(body) // 2 :]], "application/json"
            length = len(body)
        headers = {"content-type": media} | dialect.headers(answer.call_id)
        if length is not None:
            headers["content-length"] = str(length)
        if ledger is None:
            return _Pieces(self._fake, pieces[: len(pieces) // 2], headers, None)
        return _Pieces(self._fake, pieces, headers, partial(ledger.delivered, answer.call_id))

    def _received(self, request: Request, raw: bytes) -> Received:
        path = request.url.path
        body = json.loads(raw)
        return Received(
            provider=self._dialect.provider,
            path=path,
            model=self._dialect.model_of(path, body),
            stream=self._dialect.streams(path, body),
            max_output_tokens=self._dialect.limit_of(body),
            body=body,
            body_bytes=len(raw),
            headers=dict(request.headers),
        )

    def _wrong_key(self, request: Request) -> Response | None:
        wanted = KEYS.get(self._dialect.provider)
        if wanted is None or self._dialect.key_in(request.headers) == wanted:
            return None
        return self._refusal(Fault.AUTHENTICATION, request, None)

    def _refusal(self, fault: Fault | str, request: Request, retry_after_s: float | None, said: str = "") -> Response:
        refusal = self._dialect.refusal(fault, self._dialect.key_in(request.headers), retry_after_s, said)
        return JSONResponse(refusal.body, refusal.status, headers=dict(refusal.headers))


class _Dropped(Response):
    """No answer at all."""

    def __init__(self, fake: Vendors) -> None:
        super().__init__()
        self._fake = fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._fake.drop(tuple(scope["client"]))


class _Pieces(Response):
    """A body in pieces. `delivered` None: the connection closes after them, with the body incomplete."""

    def __init__(
        self,
        fake: Vendors,
        pieces: list[bytes],
        headers: dict[str, str],
        delivered: Callable[[], None] | None,
    ) -> None:
        super().__init__()
        self._fake = fake
        self._pieces = pieces
        self._head = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._delivered = delivered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": self._head}
        try:
            await send(start)
            for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if self._delivered is None:
                self._fake.drop(tuple(scope["client"]))
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (ClientDisconnect, OSError):
            return  # the caller went away; what was charged stays charged
        if self._fake.connected(tuple(scope["client"])):
            self._delivered()
