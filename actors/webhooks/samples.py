"""Samples that people have sent, to see whether a webhook or a channel works."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from actors.webhooks.sending import Attempt
from events import DomainEvent
from events.ids import StreamName
from vapora.clock import Clock
from vapora.dispatch import Decision, answer_to, carry_out
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds
from vapora.ports import Origin, RequestKey


class Samples:
    """Of a workspace."""

    def __init__(self, log: LogClient, clock: Clock) -> None:
        self._log = log
        self._clock = clock

    async def send(
        self,
        origin: Origin,
        folds: StreamFolds[Any],
        stream: StreamName,
        send: Callable[[], Awaitable[Attempt]],
        event_of: Callable[[Attempt], DomainEvent],
        key: RequestKey | None,
    ) -> dict[str, Any]:
        """Send one now; once for each key, and recorded in the stream with what came of it."""
        id_ = stream.partition(":")[2]
        if (earlier := await self._answered(key)) is not None:
            return earlier
        attempt = await send()
        said: dict[str, Any] = {
            "delivered": not attempt.error,
            "status": attempt.status,
            "error": attempt.error,
            "duration_ms": attempt.duration_ms,
        }
        event = event_of(attempt)

        async def decide() -> Decision:
            return Decision(id_, stream, (await folds.load(stream)).version, (event,))

        recorded = await carry_out(self._log, self._clock, origin, decide, key, said)
        # Of two that came at once under one key, the one that was recorded is the answer to both.
        return await self._answered(key) or {**said, "position": recorded.position}

    async def _answered(self, key: RequestKey | None) -> dict[str, Any] | None:
        earlier = None if key is None else (await answer_to(key, self._log, self._clock()))[0]
        return None if earlier is None else earlier.whole
