"""Following `/live` without blocking: frames as they come, over as many connections as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from ssl import SSLContext
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from vapora.sdk.live import BACKOFF, CLOSE_S, LARGEST_FRAME, away, bad_address, is_over, refusal
from vapora.sdk.paths import is_local
from vapora.sdk.problems import NoServerError
from vapora.views import Frame, LiveRequest


class AsyncLive:
    """An endless iterator over frames with a position above `after` (None: from now on). A lost connection is taken
    up again where it broke off, so no change is missed; `close` ends the iteration. A server that refuses for good
    raises `ApiError`. `token`: asked for anew with each
    connection, and told which one the server has refused."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        token: Callable[[str | None], Awaitable[str | None]],
        after: int | None,
        timeout: float,
        reconnect: bool = True,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._headers = headers
        self._token = token
        self._refused: str | None = None
        self._timeout = timeout
        self._reconnect = reconnect
        self._tls = tls
        self._closed = asyncio.Event()
        self._socket: ClientConnection | None = None
        self.position = after

    async def __aiter__(self) -> AsyncIterator[Frame]:
        pauses = iter(BACKOFF)
        while not self._closed.is_set():
            try:
                async for frame in self._connection():
                    pauses = iter(BACKOFF)
                    yield frame
            except NoServerError:
                if not self._reconnect:
                    raise
            if not self._reconnect:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), next(pauses))

    async def close(self) -> None:
        self._closed.set()
        if self._socket is not None:
            await self._socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _connection(self) -> AsyncIterator[Frame]:
        """The frames of one connection, until it breaks."""
        token = await self._token(self._refused)
        async with await self._open() as socket:
            self._socket = socket
            if self._closed.is_set():
                return
            await socket.send(self._request(token))
            try:
                async for message in socket:
                    frame = Frame.read(message)
                    # A resume repeats what may have been sent already; nothing goes backwards.
                    if self.position is None or frame.position > self.position:
                        self.position = frame.position
                        yield frame
            except ConnectionClosed as closed:
                if is_over(closed) and token != self._refused:
                    # It has expired: the next connection brings another one.
                    self._refused = token
                    return
                if (refused := refusal(closed)) is not None:
                    raise refused from closed
            finally:
                self._socket = None

    def _request(self, token: str | None) -> str:
        return LiveRequest(token=token, after=self.position).model_dump_json(exclude_none=True)

    async def _open(self) -> ClientConnection:
        try:
            return await connect(
                self._url,
                additional_headers=self._headers,
                open_timeout=self._timeout,
                close_timeout=CLOSE_S,
                proxy=None if is_local(self._url) else True,
                max_size=LARGEST_FRAME,
                ssl=self._tls,
            )
        except InvalidURI as error:
            raise bad_address(self._url) from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise away(self._url, error) from error
