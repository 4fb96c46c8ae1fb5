"""How many requests a person or program, and an address, may send in a while.

Counted in this process, over a moving window. Replicas share no counters: each allows its part of the limit.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vapora.api import problems
from vapora.api.caller import Caller, caller_of
from vapora.api.client_address import Address, client_address, whose
from vapora.errors import VaporaError
from vapora.settings import Network, Settings

# In a scope's state: the request is part of one that was counted. No client can put it there.
COUNTED = "counted"
# A probe must always be answered.
_EXEMPT = frozenset({"/health", "/healthz"})


@dataclass(frozen=True, slots=True)
class Rules:
    """`user`, `address`: as `600/minute`; empty: no limit. `local_too`: which of them (`user`, `address`) also holds on
    this machine and for who need not sign in: only what somebody has set on purpose, so that nobody's own tools are
    stopped by a default."""

    user: str
    address: str
    local_too: frozenset[str]
    proxies: Sequence[Network]
    replicas: int = 1

    @classmethod
    def of(cls, settings: Settings, replicas: int = 1) -> Rules:
        names = {"rate_limit_user": "user", "rate_limit_ip": "address"}
        return cls(
            user=settings.rate_limit_user,
            address=settings.rate_limit_ip,
            local_too=frozenset(part for name, part in names.items() if name in settings.model_fields_set),
            proxies=settings.trusted_proxies,
            replicas=replicas,
        )


@dataclass(frozen=True, slots=True)
class _Standing:
    """Of one count after a request: `reset_s` is when it has begun to empty."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int


class RateLimits:
    """Answers 429 to what is too much, and says on every other answer how much is left."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app = app
        self._rules = rules
        self._user = _part(rules.user, rules.replicas)
        self._address = _part(rules.address, rules.replicas)
        self._counts = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] in ("http", "websocket")
        if not asked or scope["path"] in _EXEMPT or COUNTED in scope.get("state", ()):
            await self._app(scope, receive, send)
            return
        # First the address: who is refused for it needs no look at a token.
        standings = self._of_address(client_address(scope, self._rules.proxies))
        if all(one.allowed for one in standings):
            standings += await self._of_user(scope)
        refused = next((one for one in standings if not one.allowed), None)
        if refused is not None:
            await _refuse(refused, scope, receive, send)
        elif standings and scope["type"] == "http":
            tightest = min(standings, key=lambda one: one.remaining)
            await self._app(scope, receive, _telling(tightest, send))
        else:
            await self._app(scope, receive, send)

    def _of_address(self, address: Address | None) -> list[_Standing]:
        if self._address is None or address is None:
            return []
        if address.is_loopback and "address" not in self._rules.local_too:
            return []
        return [self._hit(self._address, "address", whose(address))]

    async def _of_user(self, scope: Scope) -> list[_Standing]:
        if self._user is None:
            return []
        caller = await _caller(scope)
        if caller is None or (caller.kind in ("local", "operator") and "user" not in self._rules.local_too):
            return []
        return [self._hit(self._user, "user", caller.name)]

    def _hit(self, limit: RateLimitItem, kind: str, who: str) -> _Standing:
        allowed = self._counts.hit(limit, kind, who)
        window = self._counts.get_window_stats(limit, kind, who)
        reset_s = max(1, ceil(window.reset_time - time.time()))
        return _Standing(allowed, limit.amount, max(0, window.remaining) if allowed else 0, reset_s)


def _part(text: str, replicas: int) -> RateLimitItem | None:
    """One replica's part of the limit, at least one request."""
    if not text:
        return None
    whole = parse(text)
    return type(whole)(max(1, whole.amount // replicas), whole.multiples)


async def _caller(scope: Scope) -> Caller | None:
    """Who asks; None: nobody who can be told apart, which the route will say."""
    try:
        return await caller_of(HTTPConnection(scope))
    except VaporaError:
        return None


async def _refuse(standing: _Standing, scope: Scope, receive: Receive, send: Send) -> None:
    detail = f"{standing.limit} requests are allowed in a while, and that was one more."
    if scope["type"] == "websocket":
        # Before it is accepted, this is answered with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": detail})
        return
    headers = {**_headers(standing), "Retry-After": str(standing.reset_s)}
    remedy = f"Wait {standing.reset_s} s, as Retry-After says, and then send fewer."
    await problems.problem(problems.RATE_LIMITED, detail, scope["path"], remedy=remedy, headers=headers)(
        scope, receive, send
    )


def _telling(standing: _Standing, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(_headers(standing))
        await send(message)

    return send_with_headers


def _headers(standing: _Standing) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(standing.limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(standing.reset_s),
    }
