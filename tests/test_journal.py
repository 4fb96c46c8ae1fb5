"""The journal: its form, what it must not show, and that a line which cannot be written disturbs nobody."""

from __future__ import annotations

import errno
import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
import structlog

from actors.follower import Follower, Ticker
from events import Recorded
from events.ids import StreamName
from events.task import TaskApproved
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, MovableClock, log_writer, passed
from vapora import journal
from vapora.log.client import LogClient

SECRET = "s3cret-token"

# A Serve replica, where nothing else sets up the journal. The frames of the traceback hold the request, and with it
# what lets a person in.
REPLICA = f"""
import asyncio, sys
from typing import cast
import httpx
from actors.composition import ActorSystem
from vapora.serve import api
from vapora.settings import Settings

class Broken:
    def identity(self):
        raise RuntimeError("the log is on fire")

async def ask():
    app = api(Settings(log_format=sys.argv[1]), cast(ActorSystem, Broken()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        answer = await http.get("/api/v1/board", headers={{"Authorization": "Bearer {SECRET}"}})
    assert answer.status_code == 500, answer.text

asyncio.run(ask())
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_broken_request_is_told_in_the_chosen_form_and_without_what_the_request_held(
    form: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLICA, form], capture_output=True, text=True, check=False, timeout=240, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "the log is on fire" in said and "Traceback" in said
    assert SECRET not in said
    if form == "json":
        assert all(json.loads(line)["level"] == "error" for line in done.stdout.splitlines())


class Broken(io.StringIO):
    """Standard error on a full disk or a closed pipe, until `error` is None."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        if self.error is not None:
            raise self.error
        return super().write(text)


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


BROKEN: dict[str, Callable[[], io.StringIO | None]] = {
    "full disk": lambda: Broken(OSError(errno.ENOSPC, "No space left on device")),
    "closed pipe": lambda: Broken(BrokenPipeError(errno.EPIPE, "Broken pipe")),
    "closed stream": _closed,
    "no stream": lambda: None,
}


@contextmanager
def standard_error(stream: io.StringIO | None, form: Literal["console", "json"] = "console") -> Iterator[None]:
    """The journal writes there. pytest's own handlers, which the product has not, are out of the way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        # Lines of JSON are for machines, which collect standard output.
        patch.setattr(sys, "stdout", stream)
        patch.setattr(logging.root, "handlers", [])
        journal.configure(form)
        yield


every_broken_stream = pytest.mark.parametrize("kind", BROKEN)


@every_broken_stream
async def test_a_ticker_whose_failure_cannot_be_logged_goes_on(kind: str) -> None:
    before, ticks = journal.dropped(), 0

    async def work() -> None:
        nonlocal ticks
        ticks += 1
        raise ValueError("no")

    with standard_error(BROKEN[kind]()):
        ticker = Ticker("test", work, 0.001)
        ticker.start()
        await passed(lambda: ticks >= 3)
        await ticker.stop()
    assert journal.dropped() >= before + 2


@every_broken_stream
async def test_a_follower_whose_failure_cannot_be_logged_goes_on(kind: str) -> None:
    tries = 0

    async def handle(_: Sequence[Recorded]) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ValueError("no")

    async with log_writer(MovableClock(NOON)) as writer:
        log = LogClient(writer, WORKSPACE)
        await log.append(ORIGIN, (StreamName("task:t"), 0, (TaskApproved(task_id="t"),)))
        with standard_error(BROKEN[kind]()):
            follower = Follower("test", log, handle)
            follower.start()
            assert await follower.wait_for(1, 60) == 1
            await follower.stop()
    assert tries == 3


@every_broken_stream
def test_a_library_that_logs_to_a_broken_stream_is_not_disturbed(kind: str) -> None:
    before = journal.dropped()
    with standard_error(BROKEN[kind]()):
        logging.getLogger("tests.library").warning("Invalid HTTP request received.")
        # As Ray's loggers have one.
        other = logging.Logger("tests.own-handler")
        other.addHandler(logging.StreamHandler(sys.stderr))
        other.warning("to the same stream")
    assert journal.dropped() == before + 1


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text for this")


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_cannot_be_rendered_is_dropped_and_counted(form: Literal["console", "json"]) -> None:
    before = journal.dropped()
    with standard_error(io.StringIO(), form):
        structlog.get_logger("test").warning("strange", value=Unprintable())
        logging.getLogger("tests.plain").warning("%s", Unprintable())
    assert journal.dropped() == before + 2


def test_once_lines_can_be_written_again_one_says_how_many_are_missing() -> None:
    stream = Broken(OSError(errno.ENOSPC, "No space left on device"))
    with standard_error(stream, "json"):
        log = structlog.get_logger("test")
        for number in range(3):
            log.warning("lost", number=number)
        stream.error = None
        log.warning("there")
        log.warning("there too")
    said = [json.loads(line) for line in stream.getvalue().splitlines() if line]
    assert [one["event"] for one in said] == ["there", "lines could not be written", "there too"]
    assert said[1]["since_start"] == journal.dropped()


def test_a_line_of_json_says_who_wrote_it_for_whom_and_in_which_trace() -> None:
    stream = io.StringIO()
    with standard_error(stream, "json"), journal.bound(actor="log/default", workspace="default", correlation="cor-1"):
        structlog.get_logger("test").warning("told", run="run-1", positions=[1, 2])
        with journal.only(actor="router"):
            structlog.get_logger("test").info("apart")
    told, apart = map(json.loads, stream.getvalue().splitlines())
    assert told["trace_id"] == sha256(b"cor-1").hexdigest()[:32]
    assert {name: told[name] for name in ("actor", "workspace", "correlation", "run", "logger", "level", "event")} == {
        "actor": "log/default",
        "workspace": "default",
        "correlation": "cor-1",
        "run": "run-1",
        "logger": "test",
        "level": "warning",
        "event": "told",
    }
    assert {"timestamp", "node", "pid", "version"} < told.keys()
    assert all(isinstance(value, str | int | float | bool | None) for value in told.values())
    assert (apart["actor"], "correlation" in apart) == ("router", False)


def test_libraries_write_in_the_chosen_form() -> None:
    stream = io.StringIO()
    with standard_error(stream, "json"):
        logging.getLogger("tests.library").warning("Invalid HTTP request received.")
    said = json.loads(stream.getvalue())
    assert (said["event"], said["level"]) == ("Invalid HTTP request received.", "warning")
