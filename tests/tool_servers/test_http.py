"""A server at an address, by streamable HTTP: used, killed in the middle of a call, and back again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.tool_servers.odd import PROGRAM
from tests.waiting import until
from vapora.backoff import Backoff
from vapora.mcp.http import Remote
from vapora.mcp.session import Session
from vapora.mcp.values import MOST_MESSAGE_BYTES, ServerGoneError

LIMIT_S = 60.0
KEPT = 1_000


class Served:
    """The odd server as a process that listens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/mcp"
        self.begin()

    def begin(self) -> None:
        command = [sys.executable, str(PROGRAM), "http", str(self._port)]
        self._process = subprocess.Popen(command, cwd=self.folder, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    found = Served(tmp_path)
    yield found
    found.kill()


@pytest.fixture(params=["legacy", "modern"])
async def session(request: pytest.FixtureRequest, served: Served) -> AsyncIterator[Session]:
    async def connect() -> Remote:
        return Remote(served.url, {})

    found = Session("odd", connect, protocol=request.param, pauses=Backoff(0.1, longest_s=0.5))
    yield found
    await found.stop()


async def test_a_server_at_an_address_is_used_killed_in_mid_call_and_back(served: Served, session: Session) -> None:
    # It is tried again until it listens.
    await until(lambda: session.told.state == "ready")
    assert (await session.call("echo", {"text": "hi"}, LIMIT_S, KEPT)).text == "said: hi"
    big = await session.call("big", {"size": 10_000_000}, LIMIT_S, KEPT)
    assert big.truncated
    assert "10,000,000" in big.text

    # More than any message may have is no answer, and the next call has one.
    with pytest.raises((ServerGoneError, TimeoutError)):
        await session.call("big", {"size": MOST_MESSAGE_BYTES + 1}, 5, KEPT)
    assert (await session.call("echo", {"text": "still"}, LIMIT_S, KEPT)).text == "said: still"

    note = served.folder / "note"
    call = asyncio.create_task(session.call("die_slowly", {"note": str(note)}, LIMIT_S, KEPT))
    await until(lambda: note.exists() and note.read_text())
    served.kill()
    with pytest.raises(ServerGoneError, match="before it had answered"):
        await call
    served.begin()
    await until(lambda: session.told.state == "ready")
    assert (await session.call("echo", {"text": "again"}, LIMIT_S, KEPT)).text == "said: again"
    assert len(note.read_text().splitlines()) == 1
