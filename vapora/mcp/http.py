"""The protocol over streamable HTTP, with a bound on what is read of an answer, to addresses that were checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from vapora.mcp.values import MOST_MESSAGE_BYTES

_CONNECT_S = 15.0
# The address to connect to, looked up now, for a URL's scheme, host and port. Raises where nobody may go there.
PinnedAddress = Callable[[str, str, int | None], Awaitable[str]]


class _Cut(httpx2.AsyncByteStream):
    """An answer that ends with an error where it is longer than the bound. A stream of events may go on for ever, and
    has a bound for each event."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._left = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._left -= len(part)
            if self._left < 0:
                raise httpx2.ReadError(f"the answer has more than {MOST_MESSAGE_BYTES:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Checked(httpx2.AsyncHTTPTransport):
    """Each request goes to the address that was checked for it; one after a redirect would be checked as well."""

    def __init__(self, pinned: PinnedAddress) -> None:
        super().__init__(trust_env=False)
        self._pinned = pinned

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        address = await self._pinned(url.scheme, url.host, url.port)
        # `Host` says the name already, and the certificate is looked at for it.
        request.extensions = {**request.extensions, "sni_hostname": url.raw_host.decode("ascii")}
        request.url = url.copy_with(host=address)
        response = await super().handle_async_request(request)
        if "text/event-stream" not in response.headers.get("content-type", ""):
            response.stream = _Cut(response.stream, MOST_MESSAGE_BYTES)
        return response


class Remote:
    """A server at an address. `pinned` is asked before each request, and raises `OSError` where nobody may go. `gone`
    is never done by itself: that it is away is seen with the next request."""

    def __init__(self, url: str, headers: Mapping[str, str], pinned: PinnedAddress) -> None:
        self._url, self._headers, self._pinned = url, dict(headers), pinned
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def said(self) -> str:
        return ""

    def streams(self) -> AbstractAsyncContextManager[Any]:
        return self._streams()

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        # Each call has a limit of its own. No proxy of the environment: what is asked goes where it was meant to go.
        times = httpx2.Timeout(_CONNECT_S, read=None)
        client = httpx2.AsyncClient(
            headers=self._headers,
            timeout=times,
            transport=_Checked(self._pinned),
            follow_redirects=False,
            trust_env=False,
        )
        async with (
            client,
            streamable_http_client(self._url, http_client=client, max_sse_event_size=MOST_MESSAGE_BYTES) as streams,
        ):
            yield streams
