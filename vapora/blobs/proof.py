"""Proves that every text which an event names is there, and is the one that was stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vapora.blobs.store import Blobs
from vapora.errors import CorruptLogError, NotFoundError
from vapora.records import StoredRecord

# As `Content` is written; any other digest (of a request's body, say) has another name, or no size behind it.
_CONTENT = re.compile(rb'"digest":"([0-9a-f]{64})","size":\d')


@dataclass(frozen=True, slots=True)
class Lost:
    """A text that is not there, or not what it was; and the first event that names it."""

    digest: str
    position: int
    fault: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How many texts events name, which of them are lost, and how many were dropped on purpose."""

    texts: int
    lost: tuple[Lost, ...]
    pruned: int = 0


def prove(blobs: Blobs, records: Iterable[StoredRecord]) -> Proof:
    """Every event of the log, in order. A text is stored before its event: none of these may be on its way."""
    first: dict[str, int] = {}
    for record in records:
        for found in _CONTENT.findall(record.state):
            first.setdefault(found.decode(), record.position)
    gone = {digest for digest, _ in blobs.dropped()}
    kept = {digest: position for digest, position in first.items() if digest not in gone}
    return Proof(len(first), tuple(_lost(blobs, kept)), len(first) - len(kept))


def _lost(blobs: Blobs, first: dict[str, int]) -> Iterator[Lost]:
    for digest, position in first.items():
        try:
            blobs.get(digest)
        except NotFoundError:
            yield Lost(digest, position, "it is missing")
        except CorruptLogError:
            yield Lost(digest, position, "it was changed")
