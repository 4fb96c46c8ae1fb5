"""A log as it lies in its store, for those who change it behind its writer's back. They own the machine: no trigger
and no permission keeps them out."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from vapora.database import Database, Place
from vapora.log.chain import GENESIS, link
from vapora.log.event_log import EventLog
from vapora.log.places import open_for_reading
from vapora.log.proof import Checkpoint, Verdict, verify

NUMBERS = ("position", "originator_version")
TEXTS = ("originator_id", "topic")
COLUMNS = (*NUMBERS, *TEXTS, "state", "digest")


class ImpossibleError(Exception):
    """The database takes no such value."""


@dataclass(frozen=True)
class Stored:
    """Statements are SQLite's, with `?` for values; what differs in PostgreSQL is translated."""

    place: Place

    def opened(self) -> EventLog:
        return open_for_reading(self.place)

    def judged(self, signed: Sequence[Checkpoint] = ()) -> Verdict:
        with closing(self.opened()) as log:
            return verify(log, signed)

    def change(self, *statements: str) -> None:
        for statement in statements:
            self.ask(statement)

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if isinstance(self.place, Path):
            with closing(sqlite3.connect(self.place)) as file, file:
                return file.execute(statement, values).fetchall()
        return _asked(self.place, statement, values)

    def cut(self, left: int) -> None:
        """The events behind position `left` never were."""
        self.change(f"DELETE FROM stored_events WHERE position > {left}")
        if isinstance(self.place, Path):
            self.change(f"UPDATE sqlite_sequence SET seq = {left}")

    def flip(self, column: str, position: int, bit: int) -> int:
        """One bit of a stored value, with its type kept: where the event is now. Done again there, it is undone."""
        to_bytes, to_text = ("CAST({} AS BLOB)", "CAST(? AS TEXT)")
        if isinstance(self.place, Database):
            to_bytes, to_text = ("convert_to({}, 'UTF8')", "convert_from(?, 'UTF8')")
        read, mark = (to_bytes.format(column), to_text) if column in TEXTS else (column, "?")
        [(value,)] = self.ask(f"SELECT {read} FROM stored_events WHERE position = ?", (position,))
        flipped = _flipped(value, bit)
        self.ask(f"UPDATE stored_events SET {column} = {mark} WHERE position = ?", (flipped, position))
        return flipped if column == "position" and isinstance(flipped, int) else position

    def rechain(self) -> None:
        """What a forger does who knows how digests are made: every digest anew."""
        digest = GENESIS.digest
        columns = "position, originator_id, originator_version, topic, state"
        for position, stream, version, topic, state in self.ask(
            f"SELECT {columns} FROM stored_events ORDER BY position"
        ):
            digest = link(digest, position, stream.encode(), version, topic.encode(), bytes(state))
            self.ask("UPDATE stored_events SET digest = ? WHERE position = ?", (digest, position))


def _flipped(value: int | bytes, bit: int) -> int | bytes:
    if isinstance(value, int):
        # The highest bit is the sign.
        return value ^ (1 << bit) if bit < 63 else value - 2**63 if value >= 0 else value + 2**63
    data = bytearray(value)
    data[(bit // 8) % len(data)] ^= 1 << bit % 8
    return bytes(data)


def _asked(database: Database, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    told = re.sub(r"\bposition\b", "notification_id", statement).replace("?", "%s")
    told = told.replace("stored_events", f'"{database.schema}".stored_events')
    with database.connect() as connection:
        # Who may do this may do everything.
        connection.execute("SET session_replication_role = replica")
        try:
            cursor = connection.execute(told.encode(), values)
        except psycopg.DataError as error:
            raise ImpossibleError(str(error)) from error
        return cursor.fetchall() if cursor.description else []
