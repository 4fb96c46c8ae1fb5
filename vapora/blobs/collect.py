"""Finds blobs that no event names, and removes those that are old enough for nobody to be about to name them.

An event is appended after its text was put. So a blob is an orphan for certain only if the log was read after the
blob's age was taken, and if the blob is older than any append could be under way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vapora.blobs.store import FRESH, Blobs, StoredBlob
from vapora.errors import BadInputError

# Wherever in an event it stands: whatever may be a digest keeps its blob. JSON has no other way to write these letters
# that our encoder would use.
_NAMED = re.compile(rb'"([0-9a-f]{64})"')
SHORTEST_GRACE = 2 * FRESH


@dataclass(frozen=True, slots=True)
class Sweep:
    """`orphans` are old and unnamed, `young` counts the unnamed that are not old. `removed`: None in a dry run."""

    orphans: tuple[StoredBlob, ...]
    young: int
    named: int
    removed: int | None

    @property
    def bytes(self) -> int:
        return sum(one.size for one in self.orphans)


def named_in(states: Iterable[bytes]) -> set[str]:
    """Every digest that stands in these events as they are stored, of whatever topic."""
    return {found.decode() for state in states for found in _NAMED.findall(state)}


def sweep(
    blobs: Blobs, named: Callable[[], set[str]], now: datetime, grace: timedelta, *, delete: bool = False
) -> Sweep:
    """`named` reads the log, from its beginning to its end; it is asked after the blobs were listed."""
    if grace < SHORTEST_GRACE:
        raise BadInputError(
            f"A grace period of {grace} is too short.",
            remedy=f"Give at least {SHORTEST_GRACE}: a text that is being written is not named yet.",
        )
    before = now - grace
    found = list(blobs.stored())
    kept = named()
    unnamed = [one for one in found if one.digest not in kept]
    orphans = tuple(one for one in unnamed if one.modified_at < before)
    removed = sum(blobs.remove(one.digest, before) for one in orphans) if delete else None
    return Sweep(orphans, len(unnamed) - len(orphans), len(found) - len(unnamed), removed)
