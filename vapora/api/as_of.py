"""Moments in the past, as requests name them, and what a projection knew then."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from anyio import to_thread

from projections.engine.base import Projection, Reader
from vapora import clock
from vapora.api.cells import Cell
from vapora.api.forms import LARGEST_POSITION, POSITION
from vapora.commands import INSTANT
from vapora.errors import BadInputError
from vapora.log.search import last_until

T = TypeVar("T")

_PAGE = 5_000
_POSITION, _INSTANT = re.compile(POSITION), re.compile(INSTANT)


@dataclass(frozen=True, slots=True)
class AsOf:
    """After the event at `position`, and before the next one. `at`: what the clock said."""

    position: int
    at: datetime


async def parse_as_of(cell: Cell, text: str, field: str = "at") -> AsOf:
    """`BadInputError` for what is neither a position nor an instant, or is yet to come."""
    head = await cell.log.head()
    if _POSITION.fullmatch(text):
        position = min(int(text), LARGEST_POSITION)
        if position > head:
            raise _refused(f"The log ends at {head}: {text} is yet to come.", "Ask for a position in the past.", field)
        return await as_of_position(cell, position)
    at = parse_instant(text, field)
    if at > clock.now():
        raise _refused(f"{text} is yet to come.", "Ask for an instant in the past.", field)
    return AsOf(await last_until(cell.log, at, head), at)


async def as_of_position(cell: Cell, position: int) -> AsOf:
    return AsOf(position, await _time_of(cell, position))


def parse_instant(text: str, field: str) -> datetime:
    """As `vapora.clock.instant`, with a refusal that names the field."""
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError
        return clock.parse_instant(text)
    except ValueError:
        what = "neither a position nor an instant" if field == "at" else "no instant"
        remedy = "Send an instant such as 2026-11-22T10:00:00Z" + (", or a whole number." if field == "at" else ".")
        raise _refused(f"{text!r} is {what}.", remedy, field) from None


async def read_as_of(cell: Cell, projection: Projection, at: AsOf, question: Callable[[Reader], T]) -> T:
    """Ask the projection's rows as they were: from the last kept moment on, by the very code that keeps today's."""
    topics = tuple(sorted(projection.TOPICS or ()))
    with cell.history() as rows:
        past = await to_thread.run_sync(rows.past, projection, at.position, limiter=cell.historians)
        after = past.position
        while after < at.position:
            polled = await cell.log.poll_sealed(after, _PAGE, 0, topics)
            wanted = [one for one in polled.events if one.position <= at.position]
            # In a thread: some 30 µs an event would hold up everybody.
            await to_thread.run_sync(past.fold, projection, wanted, limiter=cell.historians)
            after = polled.position
        return await to_thread.run_sync(question, past, limiter=cell.historians)


async def _time_of(cell: Cell, position: int) -> datetime:
    """When the last event up to there was recorded: numbers may be skipped."""
    back = 1
    while position > 0:
        polled = await cell.log.poll_sealed(max(0, position - back), min(back, _PAGE), 0)
        before = [one for one in polled.events if one.position <= position]
        if before:
            return before[-1].recorded_at
        if back >= position:
            break
        back *= 100
    return datetime.fromtimestamp(0, UTC)


def _refused(text: str, remedy: str, field: str) -> BadInputError:
    return BadInputError(text, remedy=remedy, field=field, where="query")
