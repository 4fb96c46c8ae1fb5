"""What one transaction of the log will hold, decided in memory, and how many events each stream holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from vapora.errors import BadInputError
from vapora.log import mapper
from vapora.log.chain import Row
from vapora.records import Append, Appended, AppendResult, Conflict, Encoded, StoredRecord
from vapora.unicode import is_unicode

# Far above what the API lets in; below what SQLite refuses with an error that would hit a whole batch.
MAX_EVENT_BYTES = 16 * 1024 * 1024
_KNOWN_STREAMS = 100_000


def check(requests: Sequence[Append]) -> None:
    """`BadInputError` for what no log takes, told before it shares a transaction with others' requests."""
    if not requests:
        raise BadInputError("Nothing to append: the list of requests is empty.")
    for request in requests:
        if not request.request_id:
            raise BadInputError("An append needs a request_id: without it a repetition would not be recognised.")
        if not request.streams:
            raise BadInputError("An append names no stream.")
        if not is_unicode(names := request.request_id + request.actor + request.correlation):
            raise BadInputError(f"The names in {names!r} cannot be stored: they are not Unicode text.")
        if not any(part.events for part in request.streams):
            raise BadInputError("An append holds no event.", stream=request.streams[0].stream)
        for part in request.streams:
            _check_part(*part)


def _check_part(stream: str, expected_version: int, events: Sequence[Encoded]) -> None:
    if not stream or "\0" in stream or expected_version < 0 or not is_unicode(stream):
        raise BadInputError(f"Bad stream {stream!r} or expected version {expected_version}.")
    for topic, _, data in events:
        if data[:1] != b"{" or data[-1:] != b"}":
            raise BadInputError(f"The data of {topic} is not a JSON object.")
        if len(data) > MAX_EVENT_BYTES:
            raise BadInputError(f"{topic} of {len(data)} bytes is too large: put it in a blob.")


class AppendPlan:
    """What one transaction will hold: each request is placed after those before it, or refused alone."""

    def __init__(
        self,
        versions: Versions,
        read: Callable[[str, int, int], list[StoredRecord]],
        workspace: str,
        at: datetime,
        round: int = 0,
    ) -> None:
        self.at = at
        self.round = round
        self.rows: list[Row] = []
        self.moved: dict[str, int] = {}
        self._versions = versions
        self._read = read
        self._workspace = workspace
        self._at = mapper.instant(at)
        self._placed: dict[str, tuple[Append, range]] = {}
        self._answers: list[AppendResult | range] = []

    def place(self, request: Append, ahead: bool = False) -> bool:
        """False, with `ahead`: it cannot be placed as matters stand, though they may turn out otherwise."""
        moved: dict[str, int] = {}
        for stream, expected, events in request.streams:
            # No request moves a stream to 0.
            version = moved.get(stream) or self.moved.get(stream) or self._versions.of(stream)
            if version != expected:
                if ahead:
                    return False
                self._answers.append(self._repeated(request) or Conflict(stream, version))
                return True
            moved[stream] = version + len(events)
        self.moved.update(moved)
        self._answers.append(self._add(request))
        return True

    def results(self, first: int) -> list[AppendResult]:
        """The answers, where the rows stand from the position `first` on."""
        return [
            Appended(tuple(range(first + answer.start, first + answer.stop))) if isinstance(answer, range) else answer
            for answer in self._answers
        ]

    def _add(self, request: Append) -> range:
        start = len(self.rows)
        name, actor, correlation, causation, streams = request
        envelope = mapper.envelope(self._at, self._workspace, actor, correlation, causation, name)
        for stream, expected, events in streams:
            for version, event in enumerate(events, expected + 1):
                self.rows.append((stream, version, event.topic, mapper.seal(event, envelope)))
        placed = range(start, len(self.rows))
        self._placed[name] = (request, placed)
        return placed

    def _repeated(self, request: Append) -> AppendResult | range | None:
        """The answer that was given, or is about to be, to the same request; None: it is not a repetition."""
        placed = self._placed.get(request.request_id)
        if placed is not None and _shape(placed[0]) == _shape(request):
            return placed[1]
        positions: list[int] = []
        for part in request.streams:
            if not part.events:
                continue
            stored = self._read(part.stream, part.expected_version, len(part.events))
            own = len(stored) == len(part.events) and all(
                mapper.request_id(record) == request.request_id for record in stored
            )
            if not own:
                return None
            positions += [record.position for record in stored]
        return Appended(tuple(positions))


def _shape(request: Append) -> list[tuple[str, int, int]]:
    return [(part.stream, part.expected_version, len(part.events)) for part in request.streams]


class Versions:
    """How many events each stream holds, for the streams used last; the rest are asked for when needed."""

    def __init__(self, load: Callable[[Sequence[str]], dict[str, int]], capacity: int = _KNOWN_STREAMS) -> None:
        self._load = load
        self._capacity = capacity
        self._known: dict[str, int] = {}

    def load(self, streams: Sequence[str]) -> None:
        """Called before a plan is made, so that its streams cost one query and none is dropped under way."""
        missing = self._missing(streams)
        if not missing:
            return
        if len(self._known) + len(missing) > self._capacity:
            # A dict keeps the order of insertion and `update` re-inserts: the front is what was not used for longest.
            for stream in list(self._known)[: max(self._capacity // 10, len(streams))]:
                del self._known[stream]
            missing = self._missing(streams)
        self._known.update(dict.fromkeys(missing, 0) | self._load(missing))

    def _missing(self, streams: Sequence[str]) -> list[str]:
        missing = [stream for stream in streams if stream not in self._known]
        return list(dict.fromkeys(missing)) if missing else missing

    def of(self, stream: str) -> int:
        return self._known[stream]

    def update(self, moved: dict[str, int]) -> None:
        for stream, version in moved.items():
            self._known.pop(stream, None)
            self._known[stream] = version

    def forget(self) -> None:
        self._known.clear()
