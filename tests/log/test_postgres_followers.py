"""Readers in other processes while several append at once: nothing is missed, and nothing comes out of order.

A log has one writer, which fencing sees to. Here four share its epoch, so that the order of positions rests on the
insert function alone. `VAPORA_TEST_FOLLOW_S` makes it longer than the few seconds of every run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import pytest

from vapora.database import Database
from vapora.log.chain import GENESIS, Row, Tip, end, extend
from vapora.log.postgres.log import Recorder
from vapora.log.store import ChainBrokenError

SECONDS = float(os.environ.get("VAPORA_TEST_FOLLOW_S", "3"))
APPENDERS, FOLLOWERS = 4, 2


class Sharer(Recorder):
    """One of several that write under one epoch."""

    def join(self, epoch: int) -> None:
        self._writer.epoch = epoch

    def add(self, rows: Sequence[Row]) -> int:
        """Wherever the log ends when its turn comes; the position of the last."""
        while True:
            found = self.newest(1)
            tip = Tip(found[0].position, found[0].digest) if found else GENESIS
            with suppress(ChainBrokenError):
                entries = extend(tip, rows)
                self.write(entries, tip)
                return end(entries).position


def append(database: Database, number: int, seconds: float) -> int:
    """Batches of 1 to 7 events, each in a stream of its own; how many events."""
    recorder = Sharer(database)
    recorder.join(1)
    count, batch, until = 0, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        batch += 1
        size = batch % 7 + 1
        recorder.add([(f"s{number}.{batch}", version + 1, "t", b"{}" * 50) for version in range(size)])
        count += size
    recorder.close()
    return count


def follow(database: Database) -> int:
    """Reads on until an event says that it was the last; the position of the first that does not follow, or 0."""
    recorder = Recorder(database)
    position = 0
    while True:
        for record in recorder.after(position, 1_000, (), None):
            if record.position != position + 1:
                return position + 1
            if record.topic == "end":
                recorder.close()
                return 0
            position = record.position


@contextmanager
def spawn(what: str, database: Database, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, which ends with the block at the latest."""
    code = f"import sys; from tests.log import test_postgres_followers as t; print(t.{what}_as_told(sys.argv[1:]))"
    given = [database.url, database.schema, *map(str, arguments)]
    process = subprocess.Popen([sys.executable, "-c", code, *given], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def append_as_told(said: list[str]) -> int:
    return append(Database(*said[:2]), int(said[2]), float(said[3]))


def follow_as_told(said: list[str]) -> int:
    return follow(Database(*said[:2]))


def answer(process: subprocess.Popen[str]) -> int:
    out, _ = process.communicate(timeout=SECONDS + 60)
    assert process.returncode == 0
    return int(out)


@pytest.mark.timeout(SECONDS + 120)
def test_four_append_and_two_follow_and_nothing_is_missed_or_out_of_order(database: Database) -> None:
    first = Sharer(database)
    first.create_table()
    first.take_over("acme")
    with ExitStack() as children:
        followers = [children.enter_context(spawn("follow", database)) for _ in range(FOLLOWERS)]
        appenders = [children.enter_context(spawn("append", database, n, SECONDS)) for n in range(APPENDERS)]
        appended = sum(answer(process) for process in appenders)
        last = first.add([("end", 1, "end", b"{}")])
        assert [answer(process) for process in followers] == [0] * FOLLOWERS
    assert last == appended + 1 > 100
    print(f"{appended:,} events in {SECONDS:g} s")
    first.close()
