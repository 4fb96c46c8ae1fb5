"""A log in memory: the same contract as on disk, for tests and simulation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from threading import Lock

from vapora import clock as system_clock
from vapora.clock import Clock
from vapora.log.chain import GENESIS, ChainEntry, Link, Tip
from vapora.log.event_log import EventLog
from vapora.log.store import TakenError, broken
from vapora.records import StoredRecord, page


class MemoryLog(EventLog):
    """Closing it keeps what it holds, so that a writer may be stopped and started over the same log."""

    def __init__(self, workspace: str, clock: Clock = system_clock.now) -> None:
        super().__init__(_MemoryStore(), workspace, clock)


class _MemoryStore:
    def __init__(self) -> None:
        self._lock = Lock()
        self._records: list[StoredRecord] = []
        self._digests: list[bytes] = []
        self._streams: dict[str, list[StoredRecord]] = {}

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        with self._lock:
            found = Tip(self._records[-1].position, self._digests[-1]) if self._digests else GENESIS
            if found != tip:
                raise broken("memory", tip, found)
            records = [StoredRecord(*entry[:5]) for entry in entries]
            if any(record.version <= len(self._streams.get(record.stream, ())) for record in records):
                raise TakenError("A version is in use.")
            for record in records:
                self._streams.setdefault(record.stream, []).append(record)
            self._records += records
            self._digests += [entry[5] for entry in entries]

    def versions(self, streams: Sequence[str]) -> dict[str, int]:
        with self._lock:
            return {stream: len(self._streams[stream]) for stream in streams if stream in self._streams}

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]:
        with self._lock:
            return page(self._streams.get(stream, [])[after : after + limit])

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]:
        with self._lock:
            start = bisect_right(self._records, position, key=lambda record: record.position)
            found: list[StoredRecord] = []
            for record in self._records[start:] if topics else self._records[start : start + limit]:
                if len(found) == limit or (until is not None and record.position > until):
                    break
                if not topics or record.topic in topics:
                    found.append(record)
            return page(found)

    def head(self) -> int:
        return self._records[-1].position if self._records else 0

    def last(self) -> StoredRecord | None:
        return self._records[-1] if self._records else None

    def scan(self, after: int | None, limit: int) -> list[Link]:
        with self._lock:
            start = bisect_right(self._records, after or 0, key=lambda record: record.position)
            return self._links(start, start + len(page(self._records[start : start + limit])))

    def newest(self, count: int) -> list[Link]:
        with self._lock:
            return self._links(max(0, len(self._records) - count), len(self._records))

    def topics(self) -> dict[str, int]:
        with self._lock:
            return {record.topic: record.position for record in self._records}

    def damage(self) -> str | None:
        return None

    def _links(self, start: int, end: int) -> list[Link]:
        pairs = zip(self._records[start:end], self._digests[start:end], strict=True)
        return [
            Link(r.position, r.stream.encode(), r.version, r.topic.encode(), r.state, digest) for r, digest in pairs
        ]

    def ensure_current(self) -> None:
        pass

    def ensure_writable(self) -> None:
        pass

    def close(self) -> None:
        pass
