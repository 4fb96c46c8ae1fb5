"""The direct transport between two nodes: the same contract, and nobody is let in, or told anything, who does not know
the secret."""

from __future__ import annotations

import asyncio
import hmac
import os
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.runtime.direct import MOST_UNPROVED, DirectLine, Door
from actors.runtime.lines import CutError
from tests.actors.cutting import CuttingProxy
from tests.actors.transport_contract import CANCELLING, CONTRACT, FAR, IN_FLIGHT
from tests.actors.transports import ONCE, REPEATED, DirectTransport, Transport, notes
from vapora.errors import ConfigurationError, UnavailableError

SECRET = b"5d" * 32
OTHER = b"6e" * 32


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="v") as name:
        yield Path(name)


@pytest.fixture
async def door() -> AsyncIterator[tuple[Door, str, list[bytes]]]:
    """With where it is, and what it was asked."""
    asked: list[bytes] = []

    async def answer(packed: bytes | bytearray) -> bytes:
        asked.append(bytes(packed))
        return bytes(packed)

    made = Door(answer)
    yield made, await made.open_far("127.0.0.1", SECRET), asked
    await made.close()


@pytest.mark.parametrize("case", [*CONTRACT, *CANCELLING, *FAR], ids=lambda case: case.__name__)
async def test_far(case: Callable[[Transport], Awaitable[None]], folder: Path) -> None:
    transport = DirectTransport(folder, secret=SECRET)
    try:
        await case(transport)
    finally:
        await transport.close()


@pytest.fixture
async def cut(folder: Path) -> AsyncIterator[tuple[DirectTransport, CuttingProxy]]:
    proxy = CuttingProxy(folder / "proxy")
    made = DirectTransport(folder, through=proxy.before, secret=SECRET)
    yield made, proxy
    await made.close()
    await proxy.close()


@pytest.mark.parametrize("how", ["cut", "changed"])
async def test_an_answer_that_is_cut_or_changed_on_its_way_is_asked_for_again(
    cut: tuple[DirectTransport, CuttingProxy], how: str
) -> None:
    transport, proxy = cut
    ref = transport.ref(REPEATED)
    assert await ref.echo(1) == 1
    (proxy.cut_answers_after if how == "cut" else proxy.change_answers_after)(500_000)
    answers = await asyncio.gather(ref.echo(b"x" * 1_000_000), *(ref.echo(number) for number in range(IN_FLIGHT)))
    assert answers == [b"x" * 1_000_000, *range(IN_FLIGHT)]
    assert transport.lines_made == 2
    # The actor lived on: it was the line that was cut.
    assert len(notes(transport.folder, "starts")) == 1


async def test_a_cut_answer_of_what_may_not_be_repeated_is_lost(cut: tuple[DirectTransport, CuttingProxy]) -> None:
    transport, proxy = cut
    ref = transport.ref(ONCE)
    await ref.echo(1)
    (transport.folder / "deaths").write_text("x")  # so that it answers
    proxy.cut_answers_after(0)
    with pytest.raises(UnavailableError, match="router does not answer"):
        await ref.complete()
    assert await ref.complete() == "alive"


# --- who is let in ---


async def test_one_who_knows_the_secret_is_answered(door: tuple[Door, str, list[bytes]]) -> None:
    line = await DirectLine.open_far(door[1], SECRET)
    assert await line.call(b"1") == b"1"
    line.close()


async def test_one_who_knows_another_secret_is_not_let_in(door: tuple[Door, str, list[bytes]]) -> None:
    with pytest.raises(ConnectionResetError, match="not of us"):
        await DirectLine.open_far(door[1], OTHER)
    assert door[2] == []


async def test_one_who_looks_for_another_door_is_not_let_in_by_this_one(door: tuple[Door, str, list[bytes]]) -> None:
    """Somebody else's port may be this one's today."""
    with pytest.raises(ConnectionResetError, match="not of us"):
        await DirectLine.open_far(door[1].partition("/")[0] + "/another", SECRET)
    assert door[2] == []


async def test_a_caller_tells_a_stranger_nothing_and_unpickles_nothing_of_it() -> None:
    heard = bytearray()

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(os.urandom(32))
        heard.extend(await reader.readexactly(64))
        # Its own proof back, and then an answer that nobody asked for.
        writer.write(bytes(heard[32:]) + (0).to_bytes(4) + b"\4" + (0).to_bytes(4) + bytes(16))
        heard.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(pretend, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectionResetError, match="not of us"):
        await DirectLine.open_far(f"127.0.0.1:{port}/door", SECRET)
    # A number and a proof about two numbers: nothing in it is of use elsewhere.
    assert len(heard) == 64
    assert SECRET not in heard
    server.close()


async def test_a_proof_that_somebody_listened_to_is_of_no_use_to_him(door: tuple[Door, str, list[bytes]]) -> None:
    host, _, port = door[1].partition("/")[0].rpartition(":")
    name = door[1].partition("/")[2].encode()

    async def knock() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        reader, writer = await asyncio.open_connection(host, int(port))
        return reader, writer, await reader.readexactly(32)

    def proof(number: bytes, own: bytes) -> bytes:
        told = b"".join(len(one).to_bytes(4) + one for one in (b"caller", name, number + own))
        return own + hmac.digest(SECRET, told, "sha256")

    reader, writer, number = await knock()
    heard = proof(number, bytes(32))
    writer.write(heard)
    assert len(await reader.readexactly(32)) == 32  # let in
    writer.close()
    reader, writer, _ = await knock()
    writer.write(heard)
    assert await _rest(reader) == b""
    writer.close()


@pytest.mark.parametrize("seal", [b"", bytes(16)], ids=["none", "a wrong one"])
async def test_a_call_without_its_seal_is_not_carried_out(door: tuple[Door, str, list[bytes]], seal: bytes) -> None:
    """Somebody on the way lets the two prove themselves, and then speaks for one of them."""
    line = await DirectLine.open_far(door[1], SECRET)
    transport = line._wire._transport
    assert transport is not None
    transport.write(len(pickle.dumps(1)).to_bytes(4) + b"\1" + (9).to_bytes(4) + pickle.dumps(1) + seal)
    with pytest.raises(CutError):
        await line.call(b"2")
    assert door[2] == []


async def test_who_proves_nothing_is_sent_away_and_keeps_nobody_out() -> None:
    door = Door(_echo)
    place = await door.open_far("127.0.0.1", SECRET, within_s=0.5)
    host, _, port = place.partition("/")[0].rpartition(":")
    idle = [await asyncio.open_connection(host, int(port)) for _ in range(MOST_UNPROVED + 5)]
    # More than may wait are sent away at once, and the others when their time is over.
    await asyncio.gather(*(_rest(reader) for reader, _ in idle))
    line = await DirectLine.open_far(place, SECRET)
    assert await line.call(b"1") == b"1"
    line.close()
    for _, writer in idle:
        writer.close()
    await door.close()


async def test_a_secret_that_can_be_guessed_opens_nothing() -> None:
    with pytest.raises(ConfigurationError, match="at least 32"):
        await Door(_echo).open_far("127.0.0.1", b"short")


async def _echo(packed: bytes | bytearray) -> bytes:
    return bytes(packed)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
