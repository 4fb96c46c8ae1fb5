"""Following `/live`: frames as they come, over as many connections as it takes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from vapora.sdk.problems import ApiError, NoServerError
from vapora.views import Frame

# Proxies from the environment are for the world outside, not for a server on this machine.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_REFUSED = 1008


class Live:
    """An endless iterator over frames with a position above `after` (None: from now on). A lost connection is taken
    up again where it broke off, so no change is missed; `close` from any thread ends the iteration. A server that
    refuses for good raises `ApiError`."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        token: str | None,
        after: int | None,
        timeout: float,
        reconnect: bool = True,
    ) -> None:
        self._url = url
        self._headers = headers
        self._token = token
        self._timeout = timeout
        self._reconnect = reconnect
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None
        self.position = after
        self._local = urlsplit(url).hostname in LOCAL_HOSTS

    def __iter__(self) -> Iterator[Frame]:
        pause = _FIRST_PAUSE_S
        while not self._closed.is_set():
            try:
                for frame in self._connection():
                    pause = _FIRST_PAUSE_S
                    yield frame
            except NoServerError:
                if not self._reconnect:
                    raise
            if not self._reconnect:
                return
            self._closed.wait(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    def close(self) -> None:
        self._closed.set()
        socket = self._socket
        if socket is not None:
            socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _connection(self) -> Iterator[Frame]:
        """The frames of one connection, until it breaks."""
        with self._open() as socket:
            self._socket = socket
            if self._closed.is_set():
                return
            if self._token:
                socket.send(json.dumps({"token": self._token}))
            try:
                for message in socket:
                    frame = Frame.model_validate_json(message, extra="ignore")
                    # A resume repeats what may have been sent already; nothing goes backwards.
                    if self.position is None or frame.position > self.position:
                        self.position = frame.position
                        yield frame
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == _REFUSED:
                    raise ApiError(403, "refused", "The server refuses live frames.", closed.rcvd.reason) from closed
            finally:
                self._socket = None

    def _open(self) -> ClientConnection:
        # 32 MiB: a resume after a long absence may put many rows into one frame.
        try:
            return connect(
                self._url if self.position is None else f"{self._url}?after={self.position}",
                additional_headers=self._headers,
                open_timeout=self._timeout,
                close_timeout=1,
                proxy=None if self._local else True,
                max_size=32 * 1024 * 1024,
            )
        except InvalidURI as error:
            raise ApiError(0, "bad-address", f"{self._url} is not an address for live frames.") from error
        except (OSError, TimeoutError, InvalidHandshake) as error:
            raise NoServerError(f"Nobody sends live frames at {self._url}: {error}") from error
