"""One connection to NATS that is kept: made anew whenever it is lost, with the reason on show and no secret in it.

The client library's own reconnection is switched off. A connection here is a thing with a number: what was built on
one (subscriptions, what was read of a stream) is built again on the next, so no state outlives what it was true of.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError, ServiceUnavailableError

from vapora.backoff import Backoff
from vapora.errors import ConfigurationError, UnavailableError
from vapora.queue.nats.options import NatsOptions

_BACKOFF = Backoff(0.05, longest_s=2.0)
_CONNECT_S = 3
# A server that hangs is noticed after two of them.
_PING_S = 5
_LOOK_S = 0.25


T = TypeVar("T")


class NatsLink:
    """`prepare` is called with each new connection before anybody else sees it; where it fails, another is made.
    `open_s`: how long both may take together."""

    def __init__(
        self, options: NatsOptions, name: str, prepare: Callable[[Client], Awaitable[None]], open_s: float = 20
    ) -> None:
        options.check()
        self.number = 0  # of the connection; 0: there was none yet
        self.problem: str | None = f"NATS at {options.place} was not reached yet."
        self._options = options
        self._name = name
        self._prepare = prepare
        self._open_s = open_s
        self._client: Client | None = None
        self._js: JetStreamContext  # of the client: each one subscribes to the answers of its own, and never lets go
        self._heard: Exception | None = None  # what the library last met
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._closing: set[asyncio.Future[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(name)

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    @property
    def client(self) -> Client:
        """The connection as it stands; `UnavailableError` where there is none."""
        if self._client is None or not self._client.is_connected:
            raise UnavailableError(
                self.problem or f"The connection to NATS at {self._options.place} is lost.",
                remedy="It is made again by itself as soon as NATS answers.",
            )
        return self._client

    async def start(self, patience_s: float = 1) -> None:
        """Returns when it is up, or after `patience_s`: NATS may come later."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep(), name=f"nats:{self._name}")
        await self.wait(patience_s)

    async def wait(self, timeout_s: float) -> bool:
        """Until it is up, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        return self.connected

    async def call(self, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
        """Ask something of this connection. It is given up as soon as the connection is lost: no answer would come.

        Errors of the client library become `UnavailableError`, but for `nats.js.errors.NotFoundError`.
        """
        _ = self.client  # raises where there is none
        try:
            return await _or_lost(work(self._js), self._lost.wait())
        except _LostError as error:
            raise UnavailableError(f"The connection to NATS at {self._options.place} was lost.") from error
        except NotFoundError:
            raise
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise UnavailableError(
                f"NATS did not take or give what it should ({str(error) or type(error).__name__}).",
                remedy="It is tried again by itself.",
            ) from error

    def drop(self, client: Client) -> None:
        """Give this connection up for another one: something on the server is not as it was when it was made."""
        closing = asyncio.ensure_future(_close(client))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CONNECT_S)

    async def _keep(self) -> None:
        pauses = iter(_BACKOFF)
        while True:
            lost = asyncio.Event()
            try:
                client = await _apart(self._open(lost), self._open_s)
            except Exception as error:  # whatever it is: it is told, and tried again
                cause = self._heard if isinstance(error, nats.errors.NoServersError) else None
                self._tell(_explained(cause or error, self._options.place))
                await asyncio.sleep(next(pauses))
                continue
            try:
                pauses = iter(_BACKOFF)
                # To wait for a place among the pending would swallow cancellations; we wait for answers ourselves.
                js = client.jetstream(publish_async_max_pending=sys.maxsize)
                self._client, self._js, self._lost = client, js, lost
                self.problem, self.number = None, self.number + 1
                self._up.set()
                self._journal.info("connected to NATS", at=self._options.place)
                await _until_lost(client, lost)
            finally:
                self._up.clear()
                self._client = None
                self.drop(client)
            self._tell(f"The connection to NATS at {self._options.place} was lost.")

    async def _open(self, lost: asyncio.Event) -> Client:
        async def closed() -> None:
            lost.set()

        async def error(heard: Exception) -> None:
            # The library would print it.
            self._heard = heard

        client = await nats.connect(
            self._options.url,
            name=self._name,
            allow_reconnect=False,
            # The library tries twice all the same before it says so; 0 would mean without end.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=_CONNECT_S,
            ping_interval=_PING_S,
            error_cb=error,
            closed_cb=closed,
            **self._options.arguments(),
        )
        try:
            await _or_lost(self._prepare(client), _until_lost(client, lost))
        except BaseException:
            await _close(client)
            raise
        return client

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            self._journal.warning("NATS is away", why=problem)
        self.problem = problem


def problem_with(options: NatsOptions) -> str | None:
    """Try it once; None where NATS lets us in and has JetStream. For tools that have no event loop of their own."""

    async def attempt() -> str | None:
        async def prepare(client: Client) -> None:
            await client.jetstream().account_info()

        link = NatsLink(options, "vapora doctor", prepare)
        await link.start(_CONNECT_S)
        problem = link.problem
        await link.stop()
        return problem

    return asyncio.run(attempt())


def do_once(options: NatsOptions, name: str, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    """For who has no event loop of its own: `work` over a connection made for it. Raises `UnavailableError`."""

    async def carry_out() -> T:
        async def prepare(client: Client) -> None:
            return None

        link = NatsLink(options, name, prepare)
        await link.start(_CONNECT_S)
        try:
            return await link.call(work)
        finally:
            await link.stop()

    return asyncio.run(carry_out())


async def _apart(work: Coroutine[Any, Any, T], within_s: float) -> T:
    """Library code in a task of its own: it swallows cancellations that are meant for us, lets its own escape, and may
    wait for ever."""
    doing = asyncio.create_task(work)
    doing.add_done_callback(_retrieve)
    try:
        await asyncio.wait([doing], timeout=within_s)
    finally:
        doing.cancel()
    if not doing.done():
        raise TimeoutError
    if doing.cancelled():
        raise UnavailableError("The connection to NATS ended while it was made.")
    return doing.result()


class _LostError(OSError):
    """The connection was lost before it gave an answer."""


async def _or_lost(work: Awaitable[T], lost: Awaitable[object]) -> T:
    """Given up as soon as the connection is `lost`: no answer would come."""
    doing, losing = asyncio.ensure_future(work), asyncio.ensure_future(lost)
    doing.add_done_callback(_retrieve)
    try:
        await asyncio.wait((doing, losing), return_when=asyncio.FIRST_COMPLETED)
        if doing.done() and not doing.cancelled():
            return doing.result()
    finally:
        doing.cancel()
        losing.cancel()
    raise _LostError


async def _until_lost(client: Client, lost: asyncio.Event) -> None:
    """The library does not always say so: where something was still to be sent, that error keeps it from it."""
    while client.is_connected and not lost.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await lost.wait()
    lost.set()


def _retrieve(doing: asyncio.Future[Any]) -> None:
    """Where it was given up, nobody asks any more how it ended."""
    if not doing.cancelled():
        doing.exception()


async def _close(client: Client) -> None:
    with suppress(Exception):  # it is given up: how it ends is no matter
        await client.close()


def _explained(error: BaseException, place: str) -> str:
    """What is wrong and what to do, in words that hold no secret."""
    text = str(error).lower()
    if "authorization" in text or "authentication" in text or "nkey" in text:
        return (
            f"NATS at {place} refused the sign-in. Check VAPORA_NATS_USER and VAPORA_NATS_PASSWORD, "
            "VAPORA_NATS_TOKEN, or VAPORA_NATS_CREDS."
        )
    if isinstance(error, ssl.SSLError) or "tls" in text or "ssl" in text:
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
        return (
            f"TLS with NATS at {place} failed ({reason}). Check VAPORA_NATS_TLS_CA, its certificate and the host name."
        )
    if isinstance(error, ConfigurationError):
        return str(error)
    if isinstance(error, OSError | nats.errors.NoServersError | TimeoutError | nats.errors.UnexpectedEOF):
        return f"NATS at {place} does not answer. Check VAPORA_NATS_URL, and that it runs."
    if isinstance(error, ServiceUnavailableError) or "jetstream not enabled" in text:
        return f"NATS at {place} has no JetStream for us. Start it with -js, and allow JetStream to our account."
    if isinstance(error, nats.errors.Error):
        return f"NATS at {place} cannot be used: {error}"
    return f"NATS at {place} cannot be used: {type(error).__name__}"
