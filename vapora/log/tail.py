"""The newest records in memory, for followers that are up to date."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence

from vapora.records import StoredRecord

MAX_RECORDS = 20_000
_BYTES = 32 * 1024 * 1024


class Tail:
    """All records with `floor` < position <= `head`. Used by one thread."""

    def __init__(self, head: int, max_records: int = MAX_RECORDS, max_bytes: int = _BYTES) -> None:
        self.floor = head
        self.head = head
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._records: list[StoredRecord] = []
        self._bytes = 0

    def add(self, records: Sequence[StoredRecord], head: int) -> None:
        """What came, and where the log ends now.

        There may be more than came: of an append whose confirmation was lost nobody told. It is read from the store.
        """
        before = records[0].position - 1 if records else head
        if before != self.head:
            self.floor = before
            self._records.clear()
            self._bytes = 0
        self._records += records
        self._bytes += sum([len(record.state) for record in records])
        self.head = head
        # Trimmed by half, not by one: dropping the front of a list moves all the rest.
        if len(self._records) > self._max_records or self._bytes > self._max_bytes:
            self._trim()

    def after(self, position: int, limit: int, topics: Collection[str] = ()) -> tuple[list[StoredRecord], int]:
        """Records beyond `position` (which is >= `floor`), and how far was looked."""
        start = bisect_right(self._records, position, key=lambda record: record.position)
        found: list[StoredRecord] = []
        if topics:
            for record in self._records[start:]:
                if record.topic in topics:
                    found.append(record)
                    if len(found) == limit:
                        break
        else:
            found = self._records[start : start + limit]
        return found, found[-1].position if len(found) == limit else max(position, self.head)

    def _trim(self) -> None:
        drop = 0
        while len(self._records) - drop > self._max_records // 2 or self._bytes > self._max_bytes // 2:
            self._bytes -= len(self._records[drop].state)
            drop += 1
        if drop:
            self.floor = self._records[drop - 1].position
            del self._records[:drop]
