"""Events that fit a filter: by the index as far as it has come, and by looking through the log behind it."""

from __future__ import annotations

from events import Recorded
from projections import log_index
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.records import PAGE_BYTES
from vapora.views import EventFilter

# How far one request looks where the index cannot help, before it hands out a cursor.
_MOST_LOOKED_AT = 20_000
_PAGE = 1_000


class Search:
    """`last`: nothing beyond it is looked at, unless it goes `to_present`, wherever that is by then."""

    def __init__(self, cell: Cell, wanted: EventFilter, last: int, *, to_present: bool) -> None:
        self._cell = cell
        self._filter = wanted
        self._last = last
        self._to_present = to_present

    async def page(self, after: int, limit: int) -> tuple[list[Recorded], int | None]:
        """The events, and where the next page begins; None at the end."""
        if self._filter.is_open:
            return await self._scan(after, limit)
        positions, reached = await self._cell.read(lambda rows: self._indexed(rows, after, limit))
        wanted = [one for one in positions if self._to_present or one <= self._last]
        found = await self._cell.log.pick(wanted)
        # Not all of them where they are large.
        if found and (len(found) == limit or len(found) < len(wanted)):
            return found, found[-1].position
        if len(wanted) < len(positions):
            return found, None
        more, end = await self._scan(max(after, reached), limit - len(found))
        return [*found, *more], end

    def _indexed(self, rows: ReadSnapshot, after: int, limit: int) -> tuple[list[int], int]:
        """Positions, and how far the index has come: 0 where it is not there."""
        if not rows.is_readable(log_index.EVENTS):
            return [], 0
        found = log_index.find(rows, after, limit, self._filter)
        return found, rows.checkpoints()[log_index.LogIndex.NAME].position

    async def _scan(self, after: int, limit: int) -> tuple[list[Recorded], int | None]:
        found: list[Recorded] = []
        looked_at = size = 0
        while self._to_present or after < self._last:
            page = limit if self._filter.is_open else _PAGE
            polled = await self._cell.log.poll_sealed(after, page, 0, self._filter.topics)
            for sealed in polled.events:
                if not self._to_present and sealed.position > self._last:
                    return found, None
                if self._filter.fits(sealed):
                    found.append(sealed.open())
                    size += len(sealed.record.state)
                    if len(found) == limit or size >= PAGE_BYTES:
                        end = sealed.position >= polled.head
                        return found, None if end else sealed.position
            looked_at += len(polled.events)
            after = polled.position
            if after >= polled.head:
                return found, None
            if looked_at >= _MOST_LOOKED_AT:
                return found, after
        return found, None
