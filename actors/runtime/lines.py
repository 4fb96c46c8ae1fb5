"""How a call reaches an actor in another process, whatever carries the bytes, and what becomes of it when that breaks.

A `Line` brings packed bytes to a host and its answer back: over Ray (`ray.py`) or over a socket (`direct.py`). A
`FarRef` packs the call, and sends it again where that is safe; an `Answering` unpacks it over there.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, Protocol

from actors import kinds
from actors.runtime.base import Address
from actors.runtime.local import ClosedError, LocalRuntime
from vapora.backoff import Backoff
from vapora.errors import NoAnswerError, StoppingError
from vapora.observability import live

_PATIENCE_S = 30.0
_BACKOFF = Backoff(0.05, longest_s=1.0)
# What a host answers that is ending: the call did nothing there, and is for the next host of that name.
LEAVING = b""


class CutError(Exception):
    """A line broke. `sent`: the call may have reached the other side, and have had its effect there."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class Line(Protocol):
    async def call(self, packed: bytes) -> bytes | bytearray:
        """The answer. Raises `CutError`."""
        ...


class Lines(Protocol):
    """The lines of a process to the hosts that its actors speak to."""

    async def connect(self, host: str) -> Line:
        """The line to that host, which is started where there is none. Raises `CutError`, with nothing sent."""
        ...

    def forget(self, host: str, line: Line | None) -> None:
        """That line is of no use any more: the next `connect` asks anew."""
        ...


class FarRef:
    """Looks like the actor. A call that is safe to repeat outlives a crash of the other side; one that reaches a
    provider does not once it may have been sent, and raises `NoAnswerError`."""

    def __init__(self, lines: Lines, address: Address, host: str) -> None:
        self._lines = lines
        self._address = address
        self._host = host

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("__"):
            raise AttributeError(method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            packed = pickle.dumps((str(self._address), method, args, kwargs, live.carry()), pickle.HIGHEST_PROTOCOL)
            return _unpack(await self._send(packed, repeat=kinds.may_repeat(self._address.kind, method)))

        # The next time there is nothing to look up.
        setattr(self, method, call)
        return call

    async def _send(self, packed: bytes, *, repeat: bool) -> bytes | bytearray:
        deadline, pauses = None, iter(_BACKOFF)
        while True:
            line, cause = None, None
            try:
                line = await self._lines.connect(self._host)
                answer = await line.call(packed)
                if answer != LEAVING:
                    return answer
                sent = False
            except CutError as error:
                cause, sent = error, error.sent
            self._lines.forget(self._host, line)
            now, pause = asyncio.get_running_loop().time(), next(pauses)
            deadline = deadline or now + _PATIENCE_S
            if (sent and not repeat) or now + pause > deadline:
                raise NoAnswerError(
                    f"{self._address} does not answer.", remedy="It is being restarted; try again."
                ) from cause
            await asyncio.sleep(pause)


def _unpack(answer: bytes | bytearray) -> Any:
    good, value = pickle.loads(answer)  # noqa: S301 - from our own actors, behind Ray's token or a socket of this user
    if not good:
        raise value
    return value


class Answering:
    """Packed calls on the actors of one runtime."""

    def __init__(self, local: LocalRuntime) -> None:
        self._local = local
        # From here on, what an actor refuses because it stops is for its successor.
        self.leaving = False

    async def answer(self, packed: bytes | bytearray) -> bytes:
        # From our own actors, behind Ray's token or a socket of this user.
        name, method, args, kwargs, carried = pickle.loads(packed)  # noqa: S301
        try:
            with live.carried(carried):
                value = await self._local.call(_address(name), method, args, kwargs)
            return pickle.dumps((True, value), pickle.HIGHEST_PROTOCOL)
        except ClosedError:
            return LEAVING
        except Exception as error:
            if self.leaving and isinstance(error, StoppingError):
                return LEAVING
            return pack_error(error)


_address = lru_cache(maxsize=4_096)(Address.parse)


def pack_error(error: Exception) -> bytes:
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)  # noqa: S301 - our own bytes: an error that cannot be rebuilt must not fail over there
        return packed
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
