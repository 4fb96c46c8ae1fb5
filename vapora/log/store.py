"""What the log's rules ask of whatever keeps its records: memory, a SQLite file, a PostgreSQL schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vapora.errors import CorruptLogError, LogError
from vapora.log.chain import GENESIS, ChainEntry, Link, Row, Tip, extend
from vapora.records import StoredRecord


class TakenError(LogError):
    """The store holds versions that were thought free: what was known of its streams is out of date."""


class ChainBrokenError(CorruptLogError):
    """The log does not end where its writer left it."""


def broken(place: str, remembered: Tip, found: Tip) -> ChainBrokenError:
    """What a store raises where it ends at `found`; without a digest, where its last events are gone."""
    ends = f"with the digest {found.digest.hex()[:12]}…" if found.digest else "and what stood after it is gone"
    return ChainBrokenError(
        f"The log at {place} was changed behind its writer's back: it ends at position {found.position} {ends}; "
        f"it was left at {remembered.position} with {remembered.digest.hex()[:12]}….",
        remedy="Nothing is appended to it. Stop, find out with `vapora audit verify`, and restore it from a backup.",
        position=found.position,
    )


class Store(Protocol):
    """Where records are kept.

    `read`, `after` and `scan` may give fewer than `limit` though there are more: see `vapora.records.PAGE_BYTES`.
    """

    def write(self, entries: Sequence[ChainEntry], tip: Tip) -> None:
        """One transaction that also looks whether this is still the writer (`FencedError`), and whether the log
        still ends at `tip` (`ChainBrokenError`, see `broken`). `TakenError` where a version is in use."""
        ...

    def versions(self, streams: Sequence[str]) -> dict[str, int]: ...

    def read(self, stream: str, after: int, limit: int) -> list[StoredRecord]: ...

    def after(self, position: int, limit: int, topics: Sequence[str], until: int | None) -> list[StoredRecord]: ...

    def head(self) -> int: ...

    def last(self) -> StoredRecord | None: ...

    def scan(self, after: int | None, limit: int) -> list[Link]:
        """Events with position > `after` (None: all) as they are stored, undecoded, damaged ones too."""
        ...

    def newest(self, count: int) -> list[Link]:
        """The last events as they are stored, ascending."""
        ...

    def topics(self) -> dict[str, int]:
        """Every topic in the log, with the first position that holds it."""
        ...

    def damage(self) -> str | None:
        """What the store itself finds wrong with what it keeps beside the events (indexes, pages)."""
        ...

    def ensure_current(self) -> None: ...

    def ensure_writable(self) -> None:
        """`LogError` where a transaction that writes, though no event, is refused."""
        ...

    def close(self) -> None: ...


def insert(store: Store, rows: Sequence[Row]) -> list[int]:
    """For who keeps nothing of the log in mind: behind whatever the store holds. The positions that the rows got."""
    if not rows:
        return []
    newest = store.newest(1)
    tip = Tip(newest[0].position, newest[0].digest) if newest else GENESIS
    entries = extend(tip, rows)
    store.write(entries, tip)
    return [entry[0] for entry in entries]
