"""The route `/mcp`. Who asks is found out as for every request; each tool then asks what they may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:
    from vapora.api.mcp.server import McpServer

# The API's document describes what is not JSON-RPC.
router = APIRouter(tags=["system"], include_in_schema=False)


class Door:
    """Makes the server for the first request; without any, nothing of the protocol is loaded."""

    def __init__(self, version: str, max_body_bytes: int) -> None:
        self._version = version
        self._max_body_bytes = max_body_bytes
        self._making = asyncio.Lock()
        self._server: McpServer | None = None

    async def server(self) -> McpServer:
        async with self._making:
            if self._server is None:
                self._server = await asyncio.to_thread(self._make)
        return self._server

    def _make(self) -> McpServer:
        from vapora.api.mcp.server import McpServer

        return McpServer(self._version, self._max_body_bytes)


class _Exchange(Response):
    """Answered by the protocol's own application, which reads the body itself."""

    def __init__(self, server: McpServer) -> None:
        self.background = None
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._server.serve(scope, receive, send)


@router.post("/mcp")
async def use_mcp(request: Request) -> Response:
    """Only POST: nothing is sent that was not asked for, and there are no sessions to be ended."""
    door: Door = request.app.state.mcp
    return _Exchange(await door.server())
