"""The contract of the transports, over local and direct."""

from __future__ import annotations

import asyncio
import os
import pickle
import select
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from actors.runtime.direct import DirectLine, Door
from actors.runtime.lines import LEAVING, Answering, CutError, FarRef
from actors.runtime.local import LocalRuntime
from tests.actors.cutting import CuttingProxy
from tests.actors.transport_contract import CANCELLING, CONTRACT, FAR, IN_FLIGHT
from tests.actors.transports import ONCE, REPEATED, DirectTransport, LocalTransport, Transport, builder, notes
from tests.waiting import until
from vapora.errors import ConfigurationError, UnavailableError

Case = Callable[[Transport], Awaitable[None]]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Short: a socket lies below it.
    with TemporaryDirectory(prefix="v") as name:
        yield Path(name)


@pytest.fixture
async def direct(folder: Path) -> AsyncIterator[DirectTransport]:
    made = DirectTransport(folder)
    yield made
    await made.close()


@pytest.mark.parametrize("case", [*CONTRACT, *CANCELLING], ids=lambda case: case.__name__)
async def test_local(case: Case, folder: Path) -> None:
    transport = LocalTransport(folder)
    try:
        await case(transport)
    finally:
        await transport.close()


@pytest.mark.parametrize("case", [*CONTRACT, *CANCELLING, *FAR], ids=lambda case: case.__name__)
async def test_direct(case: Case, direct: DirectTransport) -> None:
    await case(direct)


async def test_a_cancellation_of_its_own_accord_is_an_error_to_who_waits(direct: DirectTransport) -> None:
    with pytest.raises(UnavailableError, match="cancelled over there"):
        await direct.ref(REPEATED).cancel_itself()


# --- a peer that is cut off ---


@pytest.fixture
async def cut(folder: Path) -> AsyncIterator[tuple[DirectTransport, CuttingProxy]]:
    proxy = CuttingProxy(folder / "proxy")
    made = DirectTransport(folder, through=proxy.before)
    yield made, proxy
    await made.close()
    await proxy.close()


async def test_an_answer_cut_in_the_middle_is_asked_for_again_over_a_new_line(
    cut: tuple[DirectTransport, CuttingProxy],
) -> None:
    transport, proxy = cut
    ref = transport.ref(REPEATED)
    assert await ref.echo(1) == 1
    proxy.cut_answers_after(500_000)
    answers = await asyncio.gather(ref.echo(b"x" * 1_000_000), *(ref.echo(number) for number in range(IN_FLIGHT)))
    assert answers == [b"x" * 1_000_000, *range(IN_FLIGHT)]
    assert (proxy.cuts, transport.lines_made) == (1, 2)
    # The actor lived on: it was the line that was cut.
    assert len(notes(transport.folder, "starts")) == 1


async def test_a_cut_answer_of_what_may_not_be_repeated_is_lost_and_its_work_goes_on(
    cut: tuple[DirectTransport, CuttingProxy],
) -> None:
    transport, proxy = cut
    ref = transport.ref(ONCE)
    await ref.echo(1)
    (transport.folder / "deaths").write_text("x")  # so that it answers
    proxy.cut_answers_after(0)
    with pytest.raises(UnavailableError, match="router does not answer"):
        await ref.complete()
    assert proxy.cuts == 1
    assert await ref.complete() == "alive"


async def test_calls_go_on_over_there_when_their_line_is_cut(cut: tuple[DirectTransport, CuttingProxy]) -> None:
    transport, proxy = cut
    line = await transport.connect("host")
    ref = FarRef(transport, REPEATED, "host")
    held = asyncio.ensure_future(ref.hold("on"))
    await until(lambda: notes(transport.folder, "held") == ["on"])
    await proxy.cut()
    # It was sent again, over the next line; the first one was not cancelled.
    await until(lambda: notes(transport.folder, "held") == ["on", "on"])
    assert await transport.connect("host") is not line
    await ref.release()
    assert await held == "on"
    await until(lambda: notes(transport.folder, "ended") == ["on", "on"])
    assert notes(transport.folder, "cancelled") == []


# --- one who is slow ---


async def test_no_more_calls_are_under_way_than_may_be(folder: Path) -> None:
    transport = DirectTransport(folder, most_in_flight=4)
    try:
        ref = transport.ref(REPEATED)
        held = [asyncio.create_task(ref.hold(str(number))) for number in range(12)]
        await until(lambda: len(notes(folder, "held")) == 4)
        # One who gives up makes room for one who waits, and so does one who gives up waiting.
        held[11].cancel()
        held[0].cancel()
        await until(lambda: len(notes(folder, "held")) == 5)
        for one in held[1:4]:
            one.cancel()
        await until(lambda: len(notes(folder, "held")) == 8)
        assert "11" not in notes(folder, "held")
    finally:
        for one in held:
            one.cancel()
        await asyncio.wait(held)
        await transport.close()


async def test_a_caller_that_reads_no_answers_is_not_read_from_and_all_come_when_it_reads(folder: Path) -> None:
    """Raw, since a line always reads. What it asked for and does not take stays bounded over there."""
    answered = 0

    async def answer(packed: bytes | bytearray) -> bytes:
        nonlocal answered
        answered += 1
        return b"x" * 1_000_000

    door = Door(answer)
    path = await door.open(folder / "v")
    reader, writer = await asyncio.open_unix_connection(path, limit=1_000)
    await _welcomed(reader)
    for number in range(200):
        writer.write(_frame(1, number, b"y" * 100_000))
    # Not all of it was taken: the call waits, with the kernel's buffers full.
    drain = asyncio.create_task(writer.drain())
    await until(lambda: answered > 0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert answered < 100
    seen = 0
    for _ in range(200):
        size = int.from_bytes((await reader.readexactly(9))[:4])
        seen += len(await reader.readexactly(size))
    await drain
    assert (answered, seen) == (200, 200_000_000)
    writer.close()
    await door.close()


# --- who may connect, and what is refused ---


async def test_the_socket_is_for_this_user_alone(folder: Path) -> None:
    door = Door(_echo)
    path = Path(await door.open(folder / "v"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    line = await DirectLine.open(str(path))
    assert await line.call(b"1") == b"1"
    path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="not a socket of this user alone"):
        await DirectLine.open(str(path))
    line.close()
    await door.close()
    assert not path.exists()


async def test_no_socket_is_opened_where_others_may_enter_or_its_path_is_too_long(folder: Path) -> None:
    open_to_all = folder / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    with pytest.raises(ConfigurationError, match="Others may enter"):
        await Door(_echo).open(open_to_all)
    with pytest.raises(ConfigurationError, match="too long for a socket"):
        await Door(_echo).open(folder / ("x" * 100))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
async def test_another_user_is_refused_before_a_byte_is_read(folder: Path) -> None:
    asked = 0

    async def answer(packed: bytes | bytearray) -> bytes:
        nonlocal asked
        asked += 1
        return b""

    door = Door(answer)
    path = Path(await door.open(folder / "v"))
    # As if the modes had been lost.
    for one in (folder, path.parent, path):
        one.chmod(0o777)
    program = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(bytes.fromhex('000000010100000001ff')); print(s.recv(100))"
    )
    other = await asyncio.create_subprocess_exec(
        "/usr/bin/env",
        "python3",
        "-c",
        program,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await other.communicate()
    assert out.strip() == b"b''" or b"Reset" in err or b"Broken" in err, err
    assert asked == 0
    await door.close()


async def test_a_frame_larger_than_any_of_ours_ends_the_connection(folder: Path) -> None:
    door = Door(_echo)
    reader, writer = await asyncio.open_unix_connection(await door.open(folder / "v"))
    await _welcomed(reader)
    writer.write((2**31).to_bytes(4) + bytes(5))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(1)
    writer.close()
    await door.close()


async def test_frames_are_found_however_the_bytes_are_cut(folder: Path) -> None:
    door = Door(_echo)
    reader, writer = await asyncio.open_unix_connection(await door.open(folder / "v"))
    await _welcomed(reader)
    for byte in _frame(1, 7, b"abc") + _frame(1, 8, b""):
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0)
    assert await reader.readexactly(9 + 3 + 9) == _frame(2, 7, b"abc") + _frame(2, 8, b"")
    writer.close()
    await door.close()


# --- one who leaves ---


async def test_what_a_host_that_leaves_has_not_begun_is_for_the_next_one(folder: Path) -> None:
    local = LocalRuntime(builder(str(folder)))
    answering = Answering(local)
    await local.shutdown()
    door = Door(answering.answer)
    line = await DirectLine.open(await door.open(folder / "v"))

    class Lines:
        made = 0
        second = LocalTransport(folder)

        async def connect(self, host: str) -> DirectLine:
            self.made += 1
            return line if self.made == 1 else await DirectLine.open(await next_door.open(folder / "v"))

        def forget(self, host: str, gone: object) -> None:
            assert gone is line

    next_door = Door(Answering(LocalRuntime(builder(str(folder)))).answer)
    assert await line.call(_packed()) == LEAVING
    lines = Lines()
    # Also what may not be repeated: it did nothing there.
    (folder / "deaths").write_text("x")
    assert await FarRef(lines, ONCE, "host").complete() == "alive"
    assert lines.made == 2
    line.close()
    await door.close()
    await next_door.close()


async def test_a_line_that_ended_says_that_nothing_was_sent(folder: Path) -> None:
    door = Door(_echo)
    line = await DirectLine.open(await door.open(folder / "v"))
    assert await line.call(b"1") == b"1"
    await door.close()
    await until(lambda: line.closed)
    with pytest.raises(CutError) as caught:
        await line.call(b"1")
    assert not caught.value.sent


async def test_who_is_let_in_by_a_process_that_has_just_died_is_told_and_has_sent_nothing(folder: Path) -> None:
    """The kernel lets callers in as long as the listening socket is there, whoever would have taken them."""
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(folder / "door"))
        (folder / "door").chmod(0o600)
        dying.listen()
        opening = asyncio.ensure_future(DirectLine.open(str(folder / "door")))
        await until(lambda: _is_called(dying))
    with pytest.raises(ConnectionResetError):
        await opening


def _is_called(listening: socket.socket) -> bool:
    return bool(select.select([listening], [], [], 0)[0])


async def _welcomed(reader: asyncio.StreamReader) -> None:
    assert await reader.readexactly(9) == _frame(4, 0, b"")


async def _echo(packed: bytes | bytearray) -> bytes:
    return bytes(packed)


def _packed() -> bytes:
    return pickle.dumps((str(REPEATED), "health", (), {}, None))


def _frame(kind: int, number: int, body: bytes) -> bytes:
    return len(body).to_bytes(4) + bytes((kind,)) + number.to_bytes(4) + body
