"""A server at an address, by streamable HTTP: used, killed in the middle of a call, and back again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from actors.mcp_gateway.sessions import Sessions
from actors.reach import Reach
from actors.secrets import SecretReader
from events.tool_server import HttpTransport, ToolServerSet
from tests.actors.kit import WORKSPACE
from tests.ports import free_port
from tests.receiver import Receiver, answer
from tests.tool_servers.odd import PROGRAM
from tests.vault.bench import over_files
from tests.waiting import until
from vapora.backoff import Backoff
from vapora.clock import now
from vapora.dispatch.secrets import SecretEvents
from vapora.mcp.http import Remote
from vapora.mcp.session import Session
from vapora.mcp.values import MOST_MESSAGE_BYTES, ServerGoneError

LIMIT_S = 60.0
KEPT = 1_000
LOOPBACK = Reach((ip_network("127.0.0.1/32"),))


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
        return Remote(served.url, {}, LOOPBACK.checked)

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


@asynccontextmanager
async def sessions_of(folder: Path, reach: Reach | None) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """What a gateway says is wrong with a server at an address, once it has tried it."""

    def no_events(_: str) -> SecretEvents:
        raise AssertionError("these servers have no secrets")

    vault = over_files(folder / "vault")
    reader = SecretReader(vault, no_events, "mcp-gateway", now)
    opened = Sessions(reader, lambda *at: folder.joinpath(*at), "bubblewrap", reach=reach)

    async def problem(url: str) -> str:
        server = ToolServerSet(server_id="there", transport=HttpTransport(url=url))
        return (await (await opened.of(WORKSPACE, server)).ready()).problem

    yield problem
    await opened.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def test_an_address_inside_is_reached_only_where_the_operator_allows_its_network(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with sessions_of(tmp_path, None) as problem:
        for url in (
            receiver.url,
            f"http://localhost:{receiver.port}/mcp",
            "https://169.254.169.254/",
            "https://[::1]/",
        ):
            assert "inside of a network" in await problem(url)
            assert "VAPORA_TOOL_SERVER_ALLOW" in await problem(url)
        assert not receiver.received
    async with sessions_of(tmp_path, LOOPBACK) as problem:
        assert await problem(receiver.url)
        assert receiver.received


async def test_a_name_is_connected_to_at_just_the_address_that_was_checked(tmp_path: Path, receiver: Receiver) -> None:
    """The name has no address but here; and from the second look on, another one than at first."""
    looks = iter([["127.0.0.1"], ["127.0.0.1"]])

    async def resolve(host: str, port: int) -> list[str]:
        return next(looks, ["127.0.0.2"])

    async with sessions_of(tmp_path, Reach((ip_network("127.0.0.1/32"),), resolve)) as problem:
        name = f"http://tools.invalid:{receiver.port}/mcp"
        assert await problem(name)
        assert [one.headers["host"] for one in receiver.received][:1] == [f"tools.invalid:{receiver.port}"]
        count = len(receiver.received)
        assert "127.0.0.2 is an address inside" in await problem(f"{name}?again")
        assert len(receiver.received) == count


async def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    inside = Receiver()
    await inside.start()
    receiver.answers.extend([answer(307, f"Location: {inside.url}")] * 20)
    async with sessions_of(tmp_path, LOOPBACK) as problem:
        assert await problem(receiver.url)
        assert receiver.received
        assert not inside.received
    await inside.stop()
