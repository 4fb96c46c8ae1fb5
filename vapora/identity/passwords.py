"""Passwords as argon2id hashes. Hashing takes much memory and a core: a few at a time, in threads, and nobody waits for
ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr

from vapora.errors import ThrottledError

# OWASP's first choice of parameters for argon2id.
_PASSES, _MEMORY_KIB, _LANES = 2, 19_456, 1
_AT_ONCE = 2
# With some 50 ms each the last of them waits for two seconds.
_MOST_WAITING = 64

T = TypeVar("T")


class Passwords:
    """For one event loop."""

    def __init__(self) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES),))
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def hash(self, password: SecretStr) -> str:
        return await self._in_turn(lambda: self._hasher.hash(password.get_secret_value()))

    async def verify(self, password: SecretStr, known: str | None) -> bool:
        """`known`: the hash; None where there is none, which takes the same time and is False."""

        def ask() -> bool:
            against = self._nobody if known is None else known
            try:
                right = self._hasher.verify(password.get_secret_value(), against)
            except UnknownHashError:
                right = False
            return right and known is not None

        return await self._in_turn(ask)

    @cached_property
    def _nobody(self) -> str:
        """What is verified against where there is no hash."""
        return self._hasher.hash("nobody's password, which nobody's account has")

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise ThrottledError("Too many sign in at the moment.", remedy="Try again in a moment.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
