"""Following `/live`: frames as they come, over as many connections as it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from ssl import SSLContext
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from vapora.backoff import Backoff
from vapora.sdk.paths import is_local
from vapora.sdk.problems import ApiError, NoServerError
from vapora.views import Frame, LiveRequest

BACKOFF = Backoff(0.2, longest_s=5.0)
CLOSE_S = 1
# A resume after a long absence may put many rows into one frame.
LARGEST_FRAME = 32 * 1024 * 1024
_REFUSED = 1008
# The last digits are those of HTTP.
_SIGN_IN, _GONE = 4401, 4404


class Live:
    """An endless iterator over frames with a position above `after` (None: from now on). A lost connection is taken
    up again where it broke off, so no change is missed; `close` from any thread ends the iteration. A server that
    refuses for good raises `ApiError`. `token`: asked for anew with each
    connection, and told which one the server has refused."""

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        token: Callable[[str | None], str | None],
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
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None
        self.position = after

    def __iter__(self) -> Iterator[Frame]:
        pauses = iter(BACKOFF)
        while not self._closed.is_set():
            try:
                for frame in self._connection():
                    pauses = iter(BACKOFF)
                    yield frame
            except NoServerError:
                if not self._reconnect:
                    raise
            if not self._reconnect:
                return
            self._closed.wait(next(pauses))

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
        token = self._token(self._refused)
        with self._open() as socket:
            self._socket = socket
            if self._closed.is_set():
                return
            socket.send(self._request(token))
            try:
                for message in socket:
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

    def _open(self) -> ClientConnection:
        try:
            return connect(
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


def is_over(closed: ConnectionClosed) -> bool:
    """The server does not take the token, or not any more."""
    return closed.rcvd is not None and closed.rcvd.code == _SIGN_IN


def refusal(closed: ConnectionClosed) -> ApiError | None:
    """None where the connection was only lost."""
    code = None if closed.rcvd is None else closed.rcvd.code
    if closed.rcvd is None or code not in (_REFUSED, _SIGN_IN, _GONE):
        return None
    if code == _SIGN_IN:
        return ApiError(401, "urn:vapora:problem:unauthenticated", "Who asks is not known", closed.rcvd.reason)
    if code == _GONE:
        return ApiError(404, "urn:vapora:problem:not-found", "There is no such workspace", closed.rcvd.reason)
    return ApiError(403, "refused", "The server refuses live frames.", closed.rcvd.reason)


def bad_address(url: str) -> ApiError:
    return ApiError(0, "bad-address", f"{url} is not an address for live frames.")


def away(url: str, error: Exception) -> NoServerError:
    return NoServerError(f"Nobody sends live frames at {url}: {error}")
