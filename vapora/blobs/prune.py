"""Drops the large texts that runs made which ended long ago, and keeps what says that they were.

The events stay, and in them each text's digest and size. What another event names too (a card, a comment, a document, a
run that is younger or has not ended) stays as well: only what no living thing refers to is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from vapora.blobs.collect import named_in
from vapora.blobs.store import Blobs
from vapora.records import StoredRecord

_ENDS = frozenset({"run.succeeded", "run.failed", "run.cancelled"})


@dataclass(frozen=True, slots=True)
class Pruned:
    """`runs`: those that ended before; `digests`: the texts that they alone name and that are here; `dropped`: None in
    a dry run."""

    runs: int
    digests: tuple[str, ...]
    bytes: int
    dropped: int | None


def prune(
    blobs: Blobs,
    records: Callable[[], Iterable[StoredRecord]],
    before: datetime,
    at: datetime,
    ended_at: Callable[[StoredRecord], datetime],
    *,
    drop: bool = False,
) -> Pruned:
    """`records` reads the log, from its beginning to its end. `before`: runs that ended earlier are old."""
    old = {one.stream for one in records() if one.topic in _ENDS and ended_at(one) < before}
    theirs, others = set[str](), set[str]()
    for one in records():
        (theirs if one.stream in old else others).update(named_in((one.state,)))
    sizes = {one.digest: one.size for one in blobs.stored()}
    found = tuple(sorted((theirs - others) & sizes.keys()))
    dropped = None
    if drop:
        for digest in found:
            blobs.drop(digest, at)
        dropped = len(found)
    return Pruned(len(old), found, sum(sizes[one] for one in found), dropped)
