"""A log in memory: the same contract as on disk, for tests and simulation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from threading import Lock

from vapora import clock as system_clock
from vapora.clock import Clock
from vapora.log.event_log import CheckedLog, Row, TakenError
from vapora.records import StoredRecord


class MemoryLog(CheckedLog):
    """Closing it keeps what it holds, so that a writer may be stopped and started over the same log."""

    def __init__(self, workspace: str, clock: Clock = system_clock.now) -> None:
        super().__init__(_MemoryStore(), workspace, clock)


class _MemoryStore:
    def __init__(self) -> None:
        self._lock = Lock()
        self._records: list[StoredRecord] = []
        self._streams: dict[str, list[StoredRecord]] = {}

    def write(self, rows: Sequence[Row]) -> list[int]:
        with self._lock:
            first = len(self._records) + 1
            records = [
                StoredRecord(position, row.stream, row.version, row.topic, row.state)
                for position, row in enumerate(rows, first)
            ]
            if any(row.version <= len(self._streams.get(row.stream, ())) for row in rows):
                raise TakenError("A version is in use.")
            for record in records:
                self._streams.setdefault(record.stream, []).append(record)
            self._records += records
            return [record.position for record in records]

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        with self._lock:
            return {stream: len(self._streams[stream]) for stream in streams if stream in self._streams}

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]:
        with self._lock:
            return self._streams.get(stream, [])[after : after + limit]

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]:
        with self._lock:
            start = bisect_right(self._records, position, key=lambda record: record.position)
            found: list[StoredRecord] = []
            for record in self._records[start:] if topics else self._records[start : start + limit]:
                if len(found) == limit or (until is not None and record.position > until):
                    break
                if not topics or record.topic in topics:
                    found.append(record)
            return found

    def head(self) -> int:
        return len(self._records)

    def last(self) -> StoredRecord | None:
        return self._records[-1] if self._records else None

    def ensure_current(self) -> None:
        pass

    def close(self) -> None:
        pass
