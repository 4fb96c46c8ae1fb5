"""Four clients of one log writer append at once, while two readers in other processes follow what it stores: nothing is
missed, nothing is seen twice, and nothing comes out of order; in a file as in a database.

`VAPORA_TEST_FOLLOW_S` makes it longer than the few seconds of every run.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from actors.log_writer import LogWriter
from events.task import TaskApproved
from vapora.database import Database, Place
from vapora.log import mapper
from vapora.log.places import open_for_reading, open_log
from vapora.log.proof import verify
from vapora.records import Append, Appended, Conflict, Encoded, StreamAppend

SECONDS = float(os.environ.get("VAPORA_TEST_FOLLOW_S", "3"))
CLIENTS, FOLLOWERS = 4, 2
EVENT = mapper.encode(TaskApproved(task_id="task:1", comment="x" * 100))
# How long a follower that has seen all waits before it looks again.
PAUSE_S = 0.002


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    where: Place = request.getfixturevalue("database") if request.param == "postgres" else path
    return where


async def client(writer: LogWriter, number: int, seconds: float) -> list[int]:
    """1 to 7 events an append, into a stream of its own and into one that all four want; the positions it was told."""
    told: list[int] = []
    own = shared = 0
    end = time.monotonic() + seconds
    for turn in count():
        if time.monotonic() >= end:
            return told
        events = (EVENT,) * (turn % 6 + 1)
        parts = (StreamAppend(f"own:{number}", own, events), StreamAppend("shared", shared, (EVENT,)))
        [answer] = await writer.append([Append(f"{number}.{turn}", "anna", "cor", None, parts)])
        if isinstance(answer, Conflict):
            shared = answer.version
            continue
        assert isinstance(answer, Appended)
        told += answer.positions
        own, shared = own + len(events), shared + 1
    raise AssertionError("it never ends")


def follow(place: Place) -> dict[str, Any]:
    """Reads on until an event says that it was the last: how many there were, and the first that was wrong."""
    position, versions, pause = 0, Counter[str](), threading.Event()
    with closing(open_for_reading(place)) as log:
        while True:
            records = log.after(position, 1_000)
            for record in records:
                if record.position != position + 1 or record.version != versions[record.stream] + 1:
                    return {"events": position, "fault": f"{record.position} after {position} ({record.stream})"}
                if record.topic == "end":
                    return {"events": position, "fault": None}
                position, versions[record.stream] = record.position, record.version
            if not records:
                pause.wait(PAUSE_S)


def follow_as_told(said: list[str]) -> str:
    return json.dumps(follow(Path(said[0]) if len(said) == 1 else Database(*said)))


@contextmanager
def follower(place: Place) -> Iterator[subprocess.Popen[str]]:
    code = "import sys; from tests.log import test_followers as t; print(t.follow_as_told(sys.argv[1:]))"
    given = [str(place)] if isinstance(place, Path) else [place.url, place.schema]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    process = subprocess.Popen([sys.executable, "-c", code, *given], stdout=subprocess.PIPE, text=True, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def appended_by_all(writer: LogWriter) -> list[int]:
    """The positions that the clients were told."""
    told = await asyncio.gather(*(client(writer, number, SECONDS) for number in range(CLIENTS)))
    last = Append("end", "anna", "cor", None, (StreamAppend("end", 0, (Encoded("end", 1, b"{}"),)),))
    [answer] = await writer.append([last])
    assert isinstance(answer, Appended)
    return [*(position for positions in told for position in positions), *answer.positions]


@pytest.mark.timeout(SECONDS + 180)
async def test_four_clients_append_and_two_followers_miss_nothing_and_see_it_in_order(place: Place) -> None:
    writer = LogWriter(lambda: open_log(place, "acme"))
    await writer.start()
    with ExitStack() as processes:
        followers = [processes.enter_context(follower(place)) for _ in range(FOLLOWERS)]
        positions = await appended_by_all(writer)
        await writer.stop()
        seen = [json.loads((await asyncio.to_thread(one.communicate, timeout=240))[0]) for one in followers]
    # What the clients were told is the whole log, each position once.
    assert sorted(positions) == list(range(1, len(positions) + 1))
    assert len(positions) > 100
    assert seen == [{"events": len(positions) - 1, "fault": None}] * FOLLOWERS
    with closing(open_for_reading(place)) as log:
        assert verify(log).events == len(positions)
    print(f"{len(positions):,} events in {SECONDS:g} s")
