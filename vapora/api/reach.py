"""Whether a replica reaches the log: what Serve asks it, so as to start one again that is stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from events.ids import DEFAULT_WORKSPACE
from vapora.errors import NoAnswerError, UnavailableError, VaporaError
from vapora.ports import ActorSystemPort

_ANSWERS_WITHIN_S = 8.0
# Longer than actors take that are started again on another node: a new replica would wait for them as well.
PATIENCE_S = 30.0


class Reach:
    """An answer is whatever comes back, also a refusal: a log that is fenced, damaged or held by another installation
    is not mended by another replica, and no database that is away is. Nothing is opened, woken or kept awake by it."""

    def __init__(
        self, system: ActorSystemPort, patience_s: float = PATIENCE_S, clock: Callable[[], float] = monotonic
    ) -> None:
        self._system = system
        self._patience_s = patience_s
        self._clock = clock
        self._answered_at = clock()

    async def check(self) -> None:
        """Raises `UnavailableError` where nothing has answered for `patience_s`."""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                await self._ask()
        except (TimeoutError, NoAnswerError) as error:
            silent_s = self._clock() - self._answered_at
            if silent_s >= self._patience_s:
                raise UnavailableError(
                    f"This replica has not reached the log for {silent_s:.0f} s.",
                    remedy="Serve starts it again.",
                ) from error
            return
        except VaporaError:
            pass
        self._answered_at = self._clock()

    async def _ask(self) -> None:
        known, _ = await self._system.standing(DEFAULT_WORKSPACE)
        if known == "awake":
            await self._system.log(DEFAULT_WORKSPACE).head()
