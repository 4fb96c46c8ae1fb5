"""What every request passes before a route sees it. Plain ASGI, so that nothing is buffered that need not be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from time import perf_counter

import structlog
from pydantic_core import from_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vapora import journal
from vapora import trace_ids as ids
from vapora.api import problems
from vapora.api.hosts import Hosts, is_loopback, is_loopback_address, netloc_of
from vapora.api.request_metrics import RequestMetrics
from vapora.clock import new_id
from vapora.errors import VaporaError
from vapora.observability import live

CORRELATION = "X-Correlation-Id"
_LONGEST_CORRELATION = 128
# Browsers send about 20.
_MOST_HEADERS = 100
_MOST_HEADER_BYTES = 32_768
# Workflows are written as TOML as well.
_TOML_TOO = "/api/v1/workflows"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# A probe of a cluster asks by whatever address, and learns nothing.
_PROBE = "/healthz"

# Asked time and again by machines: their spans would be most of all, and tell nothing.
_UNTRACED = frozenset({"/health", "/healthz", "/metrics", "/live"})

_log = structlog.get_logger("api")


class Envelope:
    """Outermost: names each request, measures it, and answers what nobody foresaw."""

    def __init__(self, app: ASGIApp, request_metrics: RequestMetrics, prefix: str) -> None:
        self._app = app
        self._request_metrics = request_metrics
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get(CORRELATION)
        sane = given is None or _is_sane(given)
        trace = ids.place_of(headers.get(live.TRACEPARENT))
        made = new_id("cor") if trace is None else ids.correlation_of(trace)
        correlation = given if given is not None and sane else made
        scope.setdefault("state", {})["correlation"] = correlation
        answer = _Answer(send, correlation)
        with journal.bound(correlation=correlation):
            if scope["path"] in _UNTRACED:
                await self._answer(scope, receive, answer, sane)
                return
            attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
            with live.request(scope["method"], correlation, trace, attributes) as span:
                await self._answer(scope, receive, answer, sane)
                if span is not None:
                    route = self._route(scope)
                    span.name(f"{scope['method']} {route}")
                    span.set("http.route", route)
                    span.set("http.response.status_code", answer.status)
                    if answer.status >= 500:
                        span.failed("the answer says so")

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer, sane: bool) -> None:
        begun = perf_counter()
        try:
            if sane:
                await self._app(scope, receive, answer.send)
            else:
                await _refuse_correlation(scope, receive, answer.send)
        except Exception:  # the answer says nothing about it, the journal everything
            _log.exception("request broke", method=scope["method"], path=scope["path"])
            if not answer.status:
                broken = problems.problem(problems.INTERNAL, "The request could not be carried out.", scope["path"])
                await broken(scope, receive, answer.send)
        finally:
            self._request_metrics.request(scope["method"], self._route(scope), answer.status, perf_counter() - begun)

    def _route(self, scope: Scope) -> str:
        """The route's template: paths with ids in them would be a series each."""
        template: str = getattr(scope.get("route"), "path", "") or "unmatched"
        # FastAPI leaves the prefix of the router that the route's own is part of out of it.
        under = scope["path"].startswith(self._prefix) and template.startswith("/")
        return f"{self._prefix}{template}" if under and not template.startswith(self._prefix) else template


class _Answer:
    """Puts the correlation on the answer and remembers the status."""

    def __init__(self, send: Send, correlation: str) -> None:
        self._send = send
        self._correlation = correlation
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[CORRELATION] = self._correlation
        await self._send(message)


class KnownHosts:
    """Refuses what a page from elsewhere makes a browser send here.

    One whose name was rebound to this machine is known by its Host header, one that writes across sites by its Origin.
    While nobody has to say who they are, only this machine is served: by its own names, and from its own addresses,
    since who is elsewhere can write any name into a header. `origins`: of pages that may write
    all the same, each exactly as browsers send it.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Hosts,
        is_sign_in_needed: Callable[[], Awaitable[bool]],
        origins: Collection[str] = (),
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = frozenset(origins)
        self._is_sign_in_needed = is_sign_in_needed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] == _PROBE:
            await self._app(scope, receive, send)
            return
        reason = await self._why_foreign(scope)
        if reason is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it is accepted, this is answered with 403.
            await send({"type": "websocket.close", "code": 1008, "reason": reason})
        else:
            await problems.problem(problems.FOREIGN, reason, scope["path"])(scope, receive, send)

    async def _why_foreign(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        peer = (scope.get("client") or ("127.0.0.1",))[0]
        if not is_loopback_address(peer) and not await self._lets_others_in():
            return f"{peer} is not this machine; without sign-in only loopback is served."
        # Each one, were there two: who knows which of them another layer believes.
        for host in headers.getlist("host") or [""]:
            if is_loopback(host):
                continue
            if not await self._lets_others_in():
                return f"The host {host!r} is not this machine; without sign-in only loopback is served."
            if not self._hosts.knows(host):
                return f"The host {host!r} is not known here. VAPORA_ALLOWED_HOSTS says by which names it is reached."
        if scope.get("method") in _SAFE_METHODS:
            return None
        for origin in headers.getlist("origin"):
            netloc = netloc_of(origin)
            if origin in self._origins:
                continue
            if not (is_loopback(netloc) or (self._hosts.knows(netloc) and await self._lets_others_in())):
                return f"The origin {origin!r} may not write here."
        return None

    async def _lets_others_in(self) -> bool:
        try:
            return await self._is_sign_in_needed()
        except VaporaError:
            return False  # nobody can say, so it stays closed


class BoundedHeaders:
    """Refuses a request with too many headers, or too much in them, whichever server took it in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = scope["headers"]
            size = sum(len(name) + len(value) for name, value in headers)
            if len(headers) > _MOST_HEADERS or size > _MOST_HEADER_BYTES:
                detail = f"A request may have {_MOST_HEADERS} headers and {_MOST_HEADER_BYTES:,} bytes in them."
                await problems.problem(problems.HEAD_TOO_LARGE, detail, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)


class JsonBodies:
    """Bodies are JSON, whole, of a bounded size and received in bounded time, or no route sees them.

    Parsed here strictly (no NaN, no half characters, no bottomless depth), since what gets past this point may be
    stored for ever.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, timeout_s: float, but_for: Callable[[Scope], bool] = lambda scope: False
    ) -> None:
        """`but_for`: requests whose bodies are somebody else's to bound (`vapora.api.uploads`)."""
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._but_for = but_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if self._but_for(scope) or not ("transfer-encoding" in headers or headers.get("content-length", "0") != "0"):
            await self._app(scope, receive, send)
            return
        declared = headers.get("content-length", "0")
        too_large = declared.isdigit() and int(declared[:20]) > self._max_bytes
        try:
            async with asyncio.timeout(self._timeout_s):
                body = None if too_large else await _whole(receive, self._max_bytes)
        except TimeoutError:
            detail = f"The body has to arrive within {self._timeout_s:g} s."
            # Closed: what still comes of the body belongs to no request.
            refused = problems.problem(problems.TOO_SLOW, detail, scope["path"], headers={"Connection": "close"})
            await refused(scope, receive, send)
            return
        except ClientDisconnect:
            return  # nobody is there to be answered, and half a request is none
        refusal = self._refusal(headers, body, scope["path"])
        if refusal is not None:
            kind, detail = refusal
            await problems.problem(kind, detail, scope["path"])(scope, receive, send)
        elif body is not None:
            await self._app(scope, _Replay(body, receive).receive, send)

    def _refusal(self, headers: Headers, body: bytes | None, path: str) -> tuple[problems.Kind, str] | None:
        if body is None:
            return problems.TOO_LARGE, f"A body may have {self._max_bytes} bytes."
        if not body:
            return None
        declared = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if declared == "application/toml" and path.startswith(_TOML_TOO):
            return None  # whoever takes it reads it
        if declared != "application/json" and not (declared.startswith("application/") and declared.endswith("+json")):
            return problems.NOT_JSON, f"The body is declared as {declared!r}."
        try:
            from_json(body, allow_inf_nan=False, cache_strings="none")
        except ValueError as error:
            return problems.MALFORMED, f"The body is not well-formed JSON: {error}."
        return None


class _Replay:
    """Hands out a body that was read already, then whatever else comes."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _whole(receive: Receive, limit: int) -> bytes | None:
    """The body; None as soon as it is larger than `limit`. `ClientDisconnect` where the client goes before its end."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _refuse_correlation(scope: Scope, receive: Receive, send: Send) -> None:
    message = f"It takes 1 to {_LONGEST_CORRELATION} printable ASCII characters."
    errors = [problems.FieldError(where="header", field=CORRELATION, message=message)]
    refusal = problems.problem(
        problems.INVALID, f"The header {CORRELATION} cannot be used. {message}", scope["path"], errors=errors
    )
    await refusal(scope, receive, send)


def _is_sane(correlation: str) -> bool:
    return 0 < len(correlation) <= _LONGEST_CORRELATION and correlation.isascii() and correlation.isprintable()
