"""How often somebody has failed to sign in, also past a restart.

The counts are in memory, and in a file that is at most a second behind: not in the log, which would keep for ever who
tried what, and in which an attacker could write without end. No address stands in it, only a digest of each.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from vapora import durable
from vapora.clock import Clock
from vapora.domain.people.throttle import Throttle

_EVERY_S = 1.0
_journal = structlog.get_logger("identity")


class Attempts:
    """`vapora.domain.people.throttle.Throttle`, kept in `file`. Where that cannot be written they are counted all the
    same."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._throttle = Throttle(secrets.token_hex(16))
        self._changed = False
        self._ending = asyncio.Event()
        self._saving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        found = await asyncio.to_thread(_read, self._file, self._clock())
        self._throttle = found or self._throttle

    async def stop(self) -> None:
        self._ending.set()
        if self._saving is not None:
            await self._saving
        await self._save()

    def pause_s(self, address: str, source: str, now: datetime) -> float:
        return self._throttle.pause_s(address, source, now)

    def begin(self, address: str, source: str, now: datetime) -> None:
        self._throttle.begin(address, source, now)
        self._change()

    def succeeded(self, address: str, source: str) -> None:
        self._throttle.succeeded(address, source)
        self._change()

    def _change(self) -> None:
        self._changed = True
        if self._saving is None or self._saving.done():
            self._saving = asyncio.create_task(self._save_soon(), name="identity: attempts")

    async def _save_soon(self) -> None:
        """Once for all that is counted meanwhile, however fast somebody guesses."""
        while self._changed:
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await self._ending.wait()
            await self._save()

    async def _save(self) -> None:
        if not self._changed:
            return
        self._changed = False
        text = json.dumps({"salt": self._throttle.salt, "counts": self._throttle.rows(self._clock())})
        try:
            await asyncio.to_thread(durable.write, self._file, text.encode())
        except OSError as error:
            _journal.warning("failed attempts to sign in are counted in memory only", why=str(error))


def _read(file: Path, now: datetime) -> Throttle | None:
    try:
        saved = json.loads(file.read_bytes())
        return Throttle.of(saved["salt"], saved["counts"], now)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        # Nobody is locked out for a file that is broken, and the start does not fail for it.
        _journal.warning("counts of failed attempts to sign in cannot be read and begin anew", why=repr(error))
        return None
