"""What a call of an actor costs: in this process, over a socket, and through Ray, beside raw asyncio streams.

    python -m benchmarks.transport [--calls 3000] [--ray-calls 2000] [--bytes 500] [--no-ray]

The one who is called stands in a process of its own, but for local. CPU is that of both ends, without Ray's own
processes. Raw streams have neither actors nor errors, and their answers come in order.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import struct
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil

from actors.runtime import cluster
from actors.runtime.base import Address, Runtime
from actors.runtime.direct import DirectLine, Door
from actors.runtime.lines import Answering, FarRef
from actors.runtime.local import LocalRuntime

ADDRESS = Address("log", "default")
AT_ONCE = (1, 48)
_SIZE = struct.Struct("!I")

Call = Callable[[], Awaitable[Any]]


class Echo:
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    async def health(self) -> dict[str, Any]:
        return {"pid": os.getpid()}

    async def echo(self, value: bytes) -> bytes:
        return value


def builder() -> Callable[[Address, Runtime], Echo]:
    return lambda _address, _runtime: Echo()


def _cpu_s(*pids: int) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def measure(name: str, call: Call, calls: int, *pids: int) -> None:
    for at_once in AT_ONCE:
        left = iter(range(calls))

        async def caller(left: Any = left) -> None:
            for _ in left:
                await call()

        before, begun = _cpu_s(*pids), time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(at_once)))
        took, cpu = time.perf_counter() - begun, _cpu_s(*pids) - before
        print(f"{name:<12}{at_once:>9} {calls / took:>10,.0f} {1_000 * cpu / calls:>12.3f}", flush=True)


async def local(calls: int, body: bytes) -> None:
    ref = LocalRuntime(builder()).ref(ADDRESS)
    await ref.echo(body)
    await measure("local", lambda: ref.echo(body), calls, os.getpid())


async def _started(kind: str, folder: str) -> tuple[asyncio.subprocess.Process, str]:
    command = (sys.executable, "-m", "benchmarks.transport", "--serve", kind, folder)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


class _OneLine:
    def __init__(self, line: DirectLine) -> None:
        self._line = line

    async def connect(self, _: str) -> DirectLine:
        return self._line

    def forget(self, host: str, line: object) -> None:
        pass


async def direct(calls: int, body: bytes, folder: str) -> None:
    process, path = await _started("direct", folder)
    line = await DirectLine.open(path)
    try:
        ref = FarRef(_OneLine(line), ADDRESS, "host")
        await ref.echo(body)
        await measure("direct", lambda: ref.echo(body), calls, os.getpid(), process.pid)
    finally:
        line.close()
        process.kill()
        await process.wait()


async def raw(calls: int, body: bytes, folder: str) -> None:
    process, path = await _started("raw", folder)
    reader, writer = await asyncio.open_unix_connection(path)
    waiting: deque[asyncio.Future[bytes]] = deque()

    async def read() -> None:
        while True:
            (size,) = _SIZE.unpack(await reader.readexactly(_SIZE.size))
            answer = await reader.readexactly(size)
            waiting.popleft().set_result(answer)

    async def call() -> bytes:
        answer = asyncio.get_running_loop().create_future()
        waiting.append(answer)
        writer.write(_SIZE.pack(len(body)) + body)
        echoed: bytes = await answer
        return echoed

    reading = asyncio.create_task(read())
    try:
        await measure("raw streams", call, calls, os.getpid(), process.pid)
    finally:
        reading.cancel()
        writer.close()
        process.kill()
        await process.wait()


async def serve(kind: str, folder: Path) -> None:
    if kind == "direct":
        door = Door(Answering(LocalRuntime(builder())).answer)
        print(await door.open(folder / "v"), flush=True)
        await asyncio.Event().wait()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(_SIZE.size)
            writer.write(head + await reader.readexactly(_SIZE.unpack(head)[0]))

    server = await asyncio.start_unix_server(greet, str(folder / "raw"))
    print(folder / "raw", flush=True)
    await server.serve_forever()


def on_ray(calls: int, body: bytes, data: Path) -> None:
    cluster.prepare_environment(data, os.environ)
    try:
        cluster.start(data, dashboard=False)
        asyncio.run(_on_ray(calls, body))
    finally:
        cluster.stop(data)


async def _on_ray(calls: int, body: bytes) -> None:
    from actors.runtime.ray import HostConfig, RayRuntime

    config = HostConfig("benchmarks.transport:builder", "separate")
    for name, runtime in (
        ("Ray", RayRuntime(config)),
        ("Ray, direct", RayRuntime(HostConfig(config.builder, "separate", direct=True))),
    ):
        ref = runtime.ref(ADDRESS)
        pid = (await ref.health())["pid"]
        await ref.echo(body)

        async def call(ref: Any = ref) -> bytes:
            echoed: bytes = await ref.echo(body)
            return echoed

        await measure(name, call, calls, os.getpid(), pid)


async def _without_ray(calls: int, body: bytes, folder: str) -> None:
    await local(calls, body)
    await raw(calls, body, folder)
    await direct(calls, body, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--ray-calls", type=int, default=2_000)
    parser.add_argument("--bytes", type=int, default=500)
    parser.add_argument("--no-ray", action="store_true")
    parser.add_argument("--folder", type=Path, help="with a short name: sockets lie below it")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.serve[0], Path(given.serve[1])))
        return
    body = os.urandom(given.bytes)
    print("             at once    calls/s  CPU ms a call")
    # Short: sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="v", dir=given.folder) as folder:
        asyncio.run(_without_ray(given.calls, body, folder))
        if not given.no_ray:
            on_ray(given.ray_calls, body, Path(folder) / "r")


if __name__ == "__main__":
    main()
