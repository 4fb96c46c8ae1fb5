"""What passes through a `StreamDecider`: requests, the round that they are decided in, and what they lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from actors.messages import CoAppend
from events import DomainEvent
from vapora.ports import Origin
from vapora.records import Append

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Decided:
    """What a request leads to: events for the stream, what rides along in the same append, behind them or `before`
    them, and the answer once they stand at a position. `then`: the rest of it, decided with `events` folded in; its
    `along` and `answer` hold."""

    events: tuple[DomainEvent, ...]
    along: tuple[CoAppend, ...] = ()
    answer: Callable[[int], Any] = lambda position: position
    then: Callable[[], Decided] | None = None
    before: tuple[CoAppend, ...] = ()


@dataclass(slots=True)
class Round(Generic[State]):
    """What a request is decided on. `waiting`: those before it that wait for others; `blocked`: what they wait for."""

    state: State
    now: datetime
    waiting: list[Request[State]] = field(default_factory=list)
    blocked: set[Hashable] = field(default_factory=set)
    sent: list[tuple[Request[State], Decided, Append]] = field(default_factory=list)
    # Decided to be done already, perhaps by what this round is about to append: not to be said before that stands.
    echoes: list[tuple[Request[State], Decided]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Request(Generic[State]):
    """`decide` may answer None: wait until others give something back, for `patience_s`, then `give_up` answers."""

    origin: Origin
    decide: Callable[[Round[State]], Decided | None]
    patience_s: float = 0
    give_up: Callable[[], Any] | None = None
    number: int = 0
    impatient: bool = False
    looked_again: bool = False
    timer: asyncio.TimerHandle | None = None
    reply: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def answer(self, value: Any) -> None:
        self._close()
        if not self.reply.done():
            self.reply.set_result(value)

    def fail(self, error: Exception) -> None:
        self._close()
        if not self.reply.done():
            self.reply.set_exception(error)

    def _close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
