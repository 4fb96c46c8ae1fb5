"""The log as everybody else uses it: events in, events out; bytes and requests stay in here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from events.base import DomainEvent
from events.ids import StreamName
from events.recorded import Recorded
from vapora import clock
from vapora.errors import BadInputError, VersionConflictError
from vapora.log import mapper
from vapora.ports import LogWriterPort, Origin
from vapora.records import Append, Appended, AppendResult, Conflict, StreamAppend, is_full

# A stream, how many events it must hold before (0: new), and what is added to it.
Change = tuple[StreamName, int, Sequence[DomainEvent]]

_PAGE = 2_000


Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Polled(Generic[Event]):
    """`position`: how far the reader has now seen (ask on from there); `head`: the last position of the log."""

    events: tuple[Event, ...]
    position: int
    head: int


class LogClient:
    """One workspace's log."""

    def __init__(self, port: LogWriterPort, workspace: str) -> None:
        self._port = port
        self._workspace = workspace

    async def append(
        self,
        origin: Origin,
        *streams: Change,
        request_id: str | None = None,
        expected: Mapping[StreamName, int] | None = None,
    ) -> Appended:
        """One atomic append; `VersionConflictError` where a stream is not at its expected version.

        `expected`: streams that get no event but must hold just so many, because the append was decided on them.

        To send it again after an error without knowing whether it took effect, pass the same `request_id`.
        """
        [result] = await self._port.append([self.request(origin, *streams, request_id=request_id, expected=expected)])
        if isinstance(result, Conflict):
            raise VersionConflictError(
                f"{result.stream} has moved on to version {result.version}.",
                remedy="Read it again and decide anew.",
                stream=result.stream,
                version=result.version,
            )
        return result

    async def append_many(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Several appends in one call; each takes effect alone or not at all."""
        return await self._port.append(requests)

    def request(
        self,
        origin: Origin,
        *streams: Change,
        request_id: str | None = None,
        expected: Mapping[StreamName, int] | None = None,
    ) -> Append:
        """An append for `append_many`. Streams without events are left out; one at least must have some. `expected`: as
        for `append`."""
        if origin.workspace != self._workspace:
            raise BadInputError(f"An event of the workspace {origin.workspace!r} for the log of {self._workspace!r}.")
        parts = tuple(
            [
                StreamAppend(stream, expected, tuple([mapper.encode(event) for event in events]))
                for stream, expected, events in streams
                if events
            ]
        )
        if not parts:
            raise BadInputError("Nothing to append: no stream has events.")
        name = request_id or clock.new_id("req")
        if expected:
            changed = {part.stream for part in parts}
            conditions = [StreamAppend(stream, at, ()) for stream, at in expected.items() if stream not in changed]
            parts = (*parts, *conditions)
        return Append(name, origin.actor, origin.correlation, origin.causation, parts)

    async def read(self, stream: StreamName, after: int = 0, *, lenient: bool = False) -> list[Recorded]:
        """All events of one stream with version > `after`.

        Who folds a stream needs all of it: what a newer version wrote is a `NewerEventError`, unless `lenient`.
        """
        return [recorded async for page in self.pages(stream, after, lenient=lenient) for recorded in page]

    async def first(self, stream: StreamName) -> Recorded | None:
        """The first event of a stream; None: there is no such stream. What is asked is mostly whether there is one."""
        return next((mapper.open_record(one, lenient=True) for one in await self._port.read(stream, 0, 1)), None)

    async def last_position(self, stream: StreamName) -> int:
        """Of the last event of a stream; 0: there is no such stream. Nothing is decoded for it."""
        position, version = 0, 0
        while page := await self._port.read(stream, version, _PAGE):
            position, version = page[-1].position, page[-1].version
            if not is_full(page, _PAGE):
                break
        return position

    async def pages(
        self, stream: StreamName, after: int = 0, *, lenient: bool = False
    ) -> AsyncIterator[list[Recorded]]:
        """`read` for long streams: some thousand events at a time."""
        while True:
            page = await self._port.read(stream, after, _PAGE)
            if page:
                yield [mapper.open_record(record, lenient) for record in page]
            if not is_full(page, _PAGE):
                return
            after = page[-1].version

    async def pick(self, positions: Sequence[int]) -> list[Recorded]:
        """The events at these positions, those that there are; `Unknown` for what a newer version wrote.

        Fewer of them, from the first on, where they are large.
        """
        return [mapper.open_record(record, lenient=True) for record in await self._port.pick(positions)]

    async def poll(
        self,
        after: int,
        limit: int = 1_000,
        timeout_s: float = 10,
        topics: Sequence[str] = (),
        *,
        lenient: bool | None = None,
    ) -> Polled[Recorded]:
        """Events with position > `after`, at once if there are any, else as soon as one comes or the time is over.

        Who names topics needs them: one that a newer version wrote is a `NewerEventError`. Who names none gets
        an `Unknown` in the place of what it cannot know, and decides. `lenient` says otherwise.
        """
        batch = await self._port.poll(after, limit, timeout_s, topics)
        spare = not topics if lenient is None else lenient
        events = tuple([mapper.open_record(record, spare) for record in batch.records])
        return Polled(events, batch.position, batch.head)

    async def poll_sealed(
        self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()
    ) -> Polled[mapper.LazyRecord]:
        """As `poll`, for readers who open only what they need: opening is most of what reading costs."""
        batch = await self._port.poll(after, limit, timeout_s, topics)
        return Polled(tuple(map(mapper.LazyRecord, batch.records)), batch.position, batch.head)

    async def head(self) -> int:
        return await self._port.head()

    async def health(self) -> dict[str, Any]:
        """Whether appends succeed: `{"status": "ok" or what it is instead, "reason": text}`."""
        return await self._port.health()
