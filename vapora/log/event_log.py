"""The log's rules, shared by every store: optimistic concurrency, effect-once appends, time that never goes back.

Synchronous on purpose: one thread appends (the log writer's), any number of threads may read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vapora.clock import Clock
from vapora.errors import BadInputError, LogError
from vapora.log import mapper
from vapora.records import Append, Appended, AppendResult, Conflict, StoredRecord, StreamAppend

MAX_READ = 10_000
# Far above what the API lets in; below what SQLite refuses with an error that would hit a whole batch.
MAX_EVENT_BYTES = 16 * 1024 * 1024
_KNOWN_STREAMS = 100_000
_ATTEMPTS = 3


class TakenError(LogError):
    """The store holds versions that were thought free: what was known of its streams is out of date."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event on its way into the store, which gives it its position."""

    stream: str
    version: int
    topic: str
    state: bytes


@dataclass(frozen=True, slots=True)
class Committed:
    """The answers in the order of the requests, and the records that are now in the log."""

    results: list[AppendResult]
    records: list[StoredRecord]


class Store(Protocol):
    """Where records are kept. `write` is one transaction; it raises `TakenError` where a version is in use."""

    def write(self, rows: Sequence[Row]) -> list[int]: ...

    def versions(self, streams: Sequence[str]) -> dict[str, int]: ...

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]: ...

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]: ...

    def head(self) -> int: ...

    def last(self) -> StoredRecord | None: ...

    def ensure_current(self) -> None: ...

    def close(self) -> None: ...


class EventLog(Protocol):
    """One workspace's log. `append` and `commit` belong to one thread; the others may be called from any."""

    def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Each request takes effect alone or not at all; those that do share one transaction."""
        ...

    def commit(self, requests: Sequence[Append]) -> Committed:
        """`append` that also hands out what was written, for those who follow the log in memory."""
        ...

    def read(self, stream: str, after: int = 0, limit: int = MAX_READ) -> list[StoredRecord]:
        """Events of one stream with version > `after`."""
        ...

    def after(
        self, position: int, limit: int = 1_000, topics: Sequence[str] = (), until: int | None = None
    ) -> list[StoredRecord]:
        """Events with position > `position` (and <= `until`), of these topics or of all."""
        ...

    def head(self) -> int:
        """The last position; 0 for an empty log."""
        ...

    def ensure_current(self) -> None:
        """Raises `FencedError` once another writer has taken over."""
        ...

    def close(self) -> None: ...


def check(requests: Sequence[Append]) -> None:
    """`BadInputError` for what no log takes, told before it shares a transaction with others' requests."""
    if not requests:
        raise BadInputError("Nothing to append: the list of requests is empty.")
    for request in requests:
        if not request.request_id:
            raise BadInputError("An append needs a request_id: without it a repetition would not be recognised.")
        if not request.streams:
            raise BadInputError("An append names no stream.")
        for part in request.streams:
            _check_part(part)


def _check_part(part: StreamAppend) -> None:
    if not part.stream or "\0" in part.stream or part.expected_version < 0:
        raise BadInputError(f"Bad stream {part.stream!r} or expected version {part.expected_version}.")
    if not part.events:
        raise BadInputError(f"An append to {part.stream!r} holds no event.", stream=part.stream)
    for event in part.events:
        if not (event.data.startswith(b"{") and event.data.endswith(b"}")):
            raise BadInputError(f"The data of {event.topic} is not a JSON object.")
        if len(event.data) > MAX_EVENT_BYTES:
            raise BadInputError(f"{event.topic} of {len(event.data)} bytes is too large: put it in a blob.")


class CheckedLog:
    """An `EventLog` over a `Store`."""

    def __init__(self, store: Store, workspace: str, clock: Clock) -> None:
        self._store = store
        self._workspace = workspace
        self._clock = clock
        self._versions = _Versions(store.versions)
        self._last_at: datetime | None = None

    def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        return self.commit(requests).results

    def commit(self, requests: Sequence[Append]) -> Committed:
        check(requests)
        for _ in range(_ATTEMPTS):
            try:
                return self._commit(requests)
            except TakenError:
                # Perhaps our own commit, whose confirmation was lost: the next round compares with what is stored.
                self._versions.forget()
            except LogError:
                self._versions.forget()
                raise
        raise LogError("The log's streams move under its writer.", remedy="See that nothing else writes to this file.")

    def read(self, stream: str, after: int = 0, limit: int = MAX_READ) -> list[StoredRecord]:
        return self._store.read(stream, after, limit)

    def after(
        self, position: int, limit: int = 1_000, topics: Sequence[str] = (), until: int | None = None
    ) -> list[StoredRecord]:
        return self._store.after(position, limit, topics, until)

    def head(self) -> int:
        return self._store.head()

    def ensure_current(self) -> None:
        self._store.ensure_current()

    def close(self) -> None:
        self._store.close()

    def _commit(self, requests: Sequence[Append]) -> Committed:
        self._versions.load(part.stream for request in requests for part in request.streams)
        at = self._now()
        plan = _Plan(self._versions, self._store, self._workspace, at)
        for request in requests:
            plan.place(request)
        positions = self._store.write(plan.rows) if plan.rows else []
        self._versions.update(plan.moved)
        self._last_at = at
        records = [
            StoredRecord(position, row.stream, row.version, row.topic, row.state)
            for position, row in zip(positions, plan.rows, strict=True)
        ]
        return Committed(plan.results(positions), records)

    def _now(self) -> datetime:
        if self._last_at is None:
            last = self._store.last()
            self._last_at = None if last is None else mapper.recorded_at(last)
        now = self._clock()
        return now if self._last_at is None else max(now, self._last_at)


class _Plan:
    """What one transaction will hold: each request is placed after those before it, or refused alone."""

    def __init__(self, versions: _Versions, store: Store, workspace: str, at: datetime) -> None:
        self.rows: list[Row] = []
        self.moved: dict[str, int] = {}
        self._versions = versions
        self._store = store
        self._workspace = workspace
        self._at = mapper.instant(at)
        self._placed: dict[str, tuple[Append, range]] = {}
        self._answers: list[AppendResult | range] = []

    def place(self, request: Append) -> None:
        moved: dict[str, int] = {}
        for part in request.streams:
            version = moved.get(part.stream, self._version(part.stream))
            if version != part.expected_version:
                self._answers.append(self._repeated(request) or Conflict(part.stream, version))
                return
            moved[part.stream] = version + len(part.events)
        self.moved.update(moved)
        self._answers.append(self._add(request))

    def results(self, positions: Sequence[int]) -> list[AppendResult]:
        """The answers, once the store has said where the rows stand."""
        return [
            Appended(tuple(positions[answer.start : answer.stop])) if isinstance(answer, range) else answer
            for answer in self._answers
        ]

    def _version(self, stream: str) -> int:
        return self.moved[stream] if stream in self.moved else self._versions.of(stream)

    def _add(self, request: Append) -> range:
        start = len(self.rows)
        envelope = mapper.envelope(
            at=self._at,
            workspace=self._workspace,
            actor=request.actor,
            correlation=request.correlation,
            causation=request.causation,
            request_id=request.request_id,
        )
        for part in request.streams:
            for version, event in enumerate(part.events, part.expected_version + 1):
                self.rows.append(Row(part.stream, version, event.topic, mapper.seal(event, envelope)))
        placed = range(start, len(self.rows))
        self._placed[request.request_id] = (request, placed)
        return placed

    def _repeated(self, request: Append) -> AppendResult | range | None:
        """The answer that was given, or is about to be, to the same request; None: it is not a repetition."""
        placed = self._placed.get(request.request_id)
        if placed is not None and _shape(placed[0]) == _shape(request):
            return placed[1]
        positions: list[int] = []
        for part in request.streams:
            stored = self._store.read(part.stream, part.expected_version, len(part.events))
            own = len(stored) == len(part.events) and all(
                mapper.request_id(record) == request.request_id for record in stored
            )
            if not own:
                return None
            positions += [record.position for record in stored]
        return Appended(tuple(positions))


def _shape(request: Append) -> list[tuple[str, int, int]]:
    return [(part.stream, part.expected_version, len(part.events)) for part in request.streams]


class _Versions:
    """How many events each stream holds, for the streams used last; the rest are asked for when needed."""

    def __init__(self, load: Callable[[Sequence[str]], dict[str, int]], capacity: int = _KNOWN_STREAMS) -> None:
        self._load = load
        self._capacity = capacity
        self._known: dict[str, int] = {}

    def load(self, streams: Iterable[str]) -> None:
        """Called before a plan is made, so that its streams cost one query and none is dropped under way."""
        wanted = set(streams)
        if len(self._known) + len(wanted) > self._capacity:
            # A dict keeps the order of insertion and `update` re-inserts: the front is what was not used for longest.
            for stream in list(self._known)[: max(self._capacity // 10, len(wanted))]:
                del self._known[stream]
        missing = [stream for stream in wanted if stream not in self._known]
        if missing:
            self._known.update(dict.fromkeys(missing, 0) | self._load(missing))

    def of(self, stream: str) -> int:
        return self._known[stream]

    def update(self, moved: dict[str, int]) -> None:
        for stream, version in moved.items():
            self._known.pop(stream, None)
            self._known[stream] = version

    def forget(self) -> None:
        self._known.clear()
