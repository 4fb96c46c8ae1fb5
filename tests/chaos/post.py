"""The installation's NATS server: killed at a moment of the work, and back some moments later."""

from __future__ import annotations

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from contextvars import Context
from pathlib import Path

from tests.queue.holdings import holdings
from tests.queue.nats_server import NatsServer
from vapora.testing.delivery import Streams

# How many moments of the work it stays away at most; at the end of a round it comes back in any case.
_AWAY = 250
# How often it loses its store.
_LOSES = 0.25


class Post:
    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.server = NatsServer(folder)
        self._dice = dice
        self._away: int | None = None
        self._returning: asyncio.Task[None] | None = None

    def strike(self) -> list[str]:
        """kill -9, unless it is away already: what died. Its store dies with it now and then."""
        if self._away is not None or (self._returning is not None and not self._returning.done()):
            return []
        self.server.strike()
        self._away = self._dice.randint(1, _AWAY)
        if self._dice.random() >= _LOSES:
            return ["nats"]
        self.server.lose()
        return ["nats", "nats, its store too"]

    def moment(self) -> None:
        """One more moment of the work has passed."""
        if self._away is not None:
            self._away -= 1
            if self._away <= 0:
                self._return()

    async def back(self) -> None:
        if self._away is not None:
            self._return()
        if self._returning is not None:
            await self._returning

    async def holdings(self, workspace: str, still: AbstractAsyncContextManager[None]) -> Streams:
        return await holdings(self.server.url, workspace, still)

    def _return(self) -> None:
        self._away = None
        # In nobody's name: whoever lives at this moment may be killed at the next.
        self._returning = asyncio.get_running_loop().create_task(self.server.start(), context=Context())
