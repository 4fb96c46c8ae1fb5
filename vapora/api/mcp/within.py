"""The API as the sender of a request reaches it, from within: each tool is made of its operations, so that gate,
workspace, policies and forms are the same ones, and what is refused is refused in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import Request
from starlette.types import Receive, Scope, Send

from vapora.api.gate import HEADER as WORKSPACE
from vapora.api.middleware import CORRELATION
from vapora.api.rate_limits import COUNTED

PREFIX = "/api/v1"
_HERE = "http://localhost"
# As they came. A workspace that is not named is the default one, as everywhere.
_PASSED_ON = ("Authorization", "Host", WORKSPACE)


class Refused(Exception):
    """The API answered with a problem. `str` of it says what is wrong and what to do, for whoever called the tool."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        self.problem = dict(problem)
        super().__init__(" ".join(str(problem[one]) for one in ("detail", "remedy") if problem.get(one)))


class Within:
    """For one request. Nothing travels: the application is called in this very process."""

    def __init__(self, request: Request) -> None:
        self._app = request.app
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        # Nobody compresses what stays in memory.
        headers |= {CORRELATION: request.state.correlation, "Accept-Encoding": "identity"}
        transport = httpx.ASGITransport(self._counted)
        self._http = httpx.AsyncClient(
            transport=transport, base_url=_HERE, headers=headers, timeout=60, trust_env=False
        )

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The request that led to this one stands in the counts already.
        scope.setdefault("state", {})[COUNTED] = True
        await self._app(scope, receive, send)

    async def get(self, path: str, *parts: str, **query: Any) -> Any:
        """`path` with a `{}` for each of `parts`, which are ids; a query of None is left out. Raises `Refused`."""
        return await self._ask("GET", path, parts, query=query)

    async def send(self, method: str, path: str, *parts: str, body: Any = None, key: str | None = None) -> Any:
        """`key`: so named, the same request takes effect once. Raises `Refused`."""
        return await self._ask(method, path, parts, body=body, key=key)

    async def _ask(
        self,
        method: str,
        path: str,
        parts: tuple[str, ...],
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        where = PREFIX + path.format(*parts)
        answer = await self._http.request(
            method,
            where,
            params={name: value for name, value in (query or {}).items() if value is not None},
            json=body,
            headers={} if key is None else {"Idempotency-Key": key},
        )
        found = answer.json()
        if answer.is_error:
            raise Refused(found)
        return found
