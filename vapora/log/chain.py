"""The hash chain: each event's digest takes in the one before it, so that nothing in between changes unseen.

    digest = SHA-256(previous digest ‖ position ‖ version ‖ len(stream) ‖ len(topic) ‖ stream ‖ topic ‖ state)

Numbers are big-endian: position and version of 8 bytes, the lengths of 4; texts are UTF-8. All but the state has a
known length, so no two events have one encoding. The first event follows a digest of 64 zeros (in hex).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

# Signed: a flipped bit may have made a stored number negative, and that must be found and not raise.
_NUMBERS = Struct(">qqII")


class Tip(NamedTuple):
    """The end of a chain: the last event's position and its digest."""

    position: int
    digest: bytes


GENESIS = Tip(0, bytes(32))


# An event that has no place in the chain yet: stream, version, topic, state. Plain tuples, for each event that is
# appended becomes one and then the other on the way that all appends share.
Row = tuple[str, int, str, bytes]
# A row that has its place: position, the row's own four, digest. What a store writes, column by column.
ChainEntry = tuple[int, str, int, str, bytes, bytes]


class Link(NamedTuple):
    """An event as the store holds it, byte for byte. `typed`: each column holds what belongs there."""

    position: int
    stream: bytes
    version: int
    topic: bytes
    state: bytes
    digest: bytes
    typed: bool = True

    def entry(self) -> ChainEntry:
        return self.position, self.stream.decode(), self.version, self.topic.decode(), self.state, self.digest


def link(previous: bytes, position: int, stream: bytes, version: int, topic: bytes, state: bytes) -> bytes:
    """The digest of the event that follows the one whose digest is `previous`."""
    numbers = _NUMBERS.pack(position, version, len(stream), len(topic))
    return sha256(b"".join((previous, numbers, stream, topic, state))).digest()


def follows(previous: bytes, found: Link) -> bool:
    """Whether the stored event is the one that was appended after the one with the digest `previous`."""
    return found.typed and found.digest == link(previous, *found[:5])


def extend(tip: Tip, rows: Iterable[Row]) -> list[ChainEntry]:
    """The rows as they go on behind `tip`, each at its position and with its digest."""
    digest, entries = tip.digest, list[ChainEntry]()
    for position, (stream, version, topic, state) in enumerate(rows, tip.position + 1):
        digest = link(digest, position, stream.encode(), version, topic.encode(), state)
        entries.append((position, stream, version, topic, state, digest))
    return entries


def end(entries: Sequence[ChainEntry]) -> Tip:
    """Where the log ends once it holds them."""
    return Tip(entries[-1][0], entries[-1][5])
