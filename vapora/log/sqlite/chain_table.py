"""The chain in a SQLite file: reading it byte for byte, checking its end, and giving one to files of format 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from vapora.log.chain import GENESIS, Link, Tip, link
from vapora.records import PAGE_BYTES

_LEAST = -(2**63)
_TYPES = "textintegertextblobblob"
_BATCH = 1_000


class ChainCursor(Protocol):
    """Of `sqlite3`, or the library's one around it."""

    def execute(self, statement: str, values: Any = ..., /) -> Any: ...
    def executemany(self, statement: str, values: Any, /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...


class ChainTable:
    """The statements about one table of events."""

    def __init__(self, table: str) -> None:
        # As bytes, since text that was damaged cannot be decoded; and with what SQLite takes each value for, since
        # a text with the bytes of a blob would pass for it.
        kinds = "||".join(f"typeof({name})" for name in ("originator_id", "originator_version", "topic", "state"))
        self._select = (
            "SELECT position, CAST(originator_id AS BLOB), originator_version, CAST(topic AS BLOB), "
            f"CAST(state AS BLOB), CAST(digest AS BLOB), {kinds}||typeof(digest) FROM {table} "
        )
        # One statement, under the write lock: who writes, and where the log ends.
        self.standing = (
            "SELECT writer.epoch, tip.position, tip.digest, (SELECT seq FROM sqlite_sequence WHERE name = "
            f"'{table}') FROM writer LEFT JOIN (SELECT position, digest FROM {table} "
            "ORDER BY position DESC LIMIT 1) tip"
        )
        self._upgrade = f"ALTER TABLE {table} ADD COLUMN digest BLOB NOT NULL DEFAULT x''"
        self._set = f"UPDATE {table} SET digest = ? WHERE position = ?"
        self.topics = f"SELECT topic, MAX(position) FROM {table} GROUP BY topic"

    def scan(self, cursor: ChainCursor, after: int | None, limit: int) -> list[Link]:
        where = "WHERE position >= ? ORDER BY position LIMIT ?"
        cursor.execute(self._select + where, (_LEAST if after is None else after + 1, limit))
        return _links(iter(cursor.fetchone, None))

    def newest(self, cursor: ChainCursor, count: int) -> list[Link]:
        cursor.execute(self._select + "ORDER BY position DESC LIMIT ?", (count,))
        return _links(cursor.fetchall())[::-1]

    def upgrade(self, cursor: ChainCursor) -> None:
        """Chain the events of a file that was written before there was a chain, in the caller's transaction."""
        cursor.execute(self._upgrade)
        digest, after = GENESIS.digest, None
        while page := self.scan(cursor, after, _BATCH):
            digests: list[tuple[bytes, int]] = []
            for found in page:
                digest = link(digest, *found[:5])
                digests.append((digest, found.position))
            cursor.executemany(self._set, digests)
            after = page[-1].position


def read_tip(cursor: ChainCursor, statement: str) -> tuple[int, Tip]:
    """The writer's epoch, and where the log ends. A file whose last events were deleted remembers their number."""
    cursor.execute(statement)
    epoch, position, digest, used = cursor.fetchone()
    tip = GENESIS if position is None else Tip(position, bytes(digest))
    # Not to be taken for the true end: the digest of what is gone cannot be known.
    return epoch, tip if tip.position >= (used or 0) else Tip(tip.position, b"")


def _links(rows: Iterable[Any]) -> list[Link]:
    found: list[Link] = []
    left = PAGE_BYTES
    for position, stream, version, topic, state, digest, types in rows:
        found.append(Link(position, stream, version, topic, state, digest, types == _TYPES))
        left -= len(state)
        if left <= 0:
            break
    return found
