"""What goes into the log writer and what comes out: plain values, cheap to send between processes.

Events travel as bytes, so that the writer never parses one: the caller encodes, the reader decodes. What is made for
every event is a named tuple: made in a quarter of the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# A page of events ends with the one that makes it so large, however many were asked for: whoever reads far behind, with
# events of up to 16 MiB before it, is to take no more memory than that.
PAGE_BYTES = 16 * 1024 * 1024


class Encoded(NamedTuple):
    """An event ready to be stored: `data` is its JSON object."""

    topic: str
    topic_version: int
    data: bytes


class StreamAppend(NamedTuple):
    """New events of one stream. `expected_version`: how many events the stream must hold before (0: new). Without
    events it only says that: what the append was decided on must not have changed."""

    stream: str
    expected_version: int
    events: tuple[Encoded, ...]


class Append(NamedTuple):
    """One atomic append over one or several streams. Sent twice under one `request_id`, it takes effect once."""

    request_id: str
    actor: str
    correlation: str
    causation: int | None
    streams: tuple[StreamAppend, ...]


class Appended(NamedTuple):
    """`positions` in the order in which the events stood in the request."""

    positions: tuple[int, ...]

    @property
    def position(self) -> int:
        return self.positions[-1]


class Conflict(NamedTuple):
    """Refused, nothing written: `stream` is at `version`, which is not what was expected."""

    stream: str
    version: int


AppendResult = Appended | Conflict


class StoredRecord(NamedTuple):
    """An event as stored. `state` is the JSON object of the envelope with the event's own under `data`."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


def page(rows: Iterable[Sequence[Any]], most_bytes: int = PAGE_BYTES) -> list[StoredRecord]:
    """The first rows of a store's answer, at least one of them if there are any: see `PAGE_BYTES`."""
    found: list[StoredRecord] = []
    for row in rows:
        record = StoredRecord(*row)
        found.append(record)
        most_bytes -= len(record.state)
        if most_bytes <= 0:
            break
    return found


def is_full(records: Sequence[StoredRecord], limit: int) -> bool:
    """Whether a page ended since it was full; else there was no more."""
    return len(records) >= limit or sum([len(record.state) for record in records]) >= PAGE_BYTES


@dataclass(frozen=True, slots=True)
class Batch:
    """Answer of a poll. `head`: the last position of the log; `position`: how far the reader has now seen,
    which with a topic filter may lie beyond the last record."""

    records: tuple[StoredRecord, ...] = field(default=())
    position: int = 0
    head: int = 0
