"""Do live sockets slow a write? POSTs one after the other, without subscribers and beside many, in turns.

    python -m benchmarks.live [--sockets 400] [--posts 60] [--rounds 3] [--runtime local]

The server is a process of its own, and so are the subscribers: they offer compression as a browser does, read what
comes and look at none of it. Each POST is a task, which the rehearsal model carries out at once, so that each leads to
some twenty changes that go to every socket. A round begins once the work of the one before is done.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

_HANDSHAKE = (
    "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=400)
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", choices=("local", "ray"), default="local")
    given = parser.parse_args()
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = _start(Path(folder), port, given.runtime)
        try:
            with httpx.Client(base_url=f"http://localhost:{port}/api/v1", timeout=60) as http:
                _measure(http, port, given.sockets, given.posts, given.rounds)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    return 0


def _measure(http: httpx.Client, port: int, sockets: int, posts: int, rounds: int) -> None:
    project = http.post("/projects", json={"name": "Live"}).json()["id"]
    _post(http, project, posts)  # warms up
    alone: list[float] = []
    beside: list[float] = []
    print(f"{'sockets':>8} {'POSTs':>6} {'s':>8} {'p50 ms':>8} {'max ms':>8} {'MB sent':>8}", flush=True)
    for _ in range(rounds):
        alone.append(_round(http, project, posts, 0, 0.0))
        with _Subscribers(port, sockets) as listening:
            beside.append(_round(http, project, posts, sockets, listening))
    print(
        f"POSTs beside {sockets} sockets take {statistics.median(beside) / statistics.median(alone):.1f} times as long"
    )


def _round(http: httpx.Client, project: str, posts: int, sockets: int, listening: _Subscribers | float) -> float:
    took = _post(http, project, posts)
    sent = listening.megabytes() if isinstance(listening, _Subscribers) else 0.0
    print(
        f"{sockets:>8} {posts:>6} {sum(took):>8.2f} {statistics.median(took) * 1e3:>8.1f} {max(took) * 1e3:>8.1f} "
        f"{sent:>8.1f}",
        flush=True,
    )
    return sum(took)


def _post(http: httpx.Client, project: str, posts: int) -> list[float]:
    """Seconds of each POST; returns when the work is done."""
    took = []
    tasks = []
    for number in range(posts):
        body = {"project_id": project, "title": f"Write a parser {number}", "review": "none"}
        began = time.perf_counter()
        tasks.append(http.post("/tasks", json=body).raise_for_status().json()["task_id"])
        took.append(time.perf_counter() - began)
    while any(http.get(f"/tasks/{task}").json()["state"] != "done" for task in tasks):
        time.sleep(0.2)
    return took


class _Subscribers:
    """Many open live sockets, in a process of their own."""

    def __init__(self, port: int, count: int) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_listen, args=(theirs, port, count))

    def __enter__(self) -> _Subscribers:
        self._process.start()
        self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.send("stop")
        self._process.join()

    def megabytes(self) -> float:
        self._ours.send("how much")
        return float(self._ours.recv()) / 1e6


def _listen(pipe: Connection, port: int, count: int) -> None:
    asyncio.run(_listen_all(pipe, port, count))


async def _listen_all(pipe: Connection, port: int, count: int) -> None:
    read = [0]

    async def follow(reader: asyncio.StreamReader) -> None:
        while part := await reader.read(65_536):
            read[0] += len(part)
        print("a socket was closed", file=sys.stderr)

    tasks, writers = [], []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_HANDSHAKE.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        tasks.append(asyncio.create_task(follow(reader)))
        writers.append(writer)
    pipe.send("open")
    while await asyncio.to_thread(pipe.recv) != "stop":
        pipe.send(read[0])
    for task in tasks:
        task.cancel()


def _start(folder: Path, port: int, runtime: str) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("VAPORA_")}
    environ |= {
        "VAPORA_DATA": str(folder / "data"),
        "VAPORA_PORT": str(port),
        "VAPORA_RUNTIME": runtime,
        "VAPORA_MODEL": "rehearsal",
        "VAPORA_REHEARSAL_MIN_DELAY_S": "0",
        "VAPORA_REHEARSAL_MAX_DELAY_S": "0",
    }
    server = subprocess.Popen([sys.executable, "-m", "vapora", "up"], env=environ, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"http://localhost:{port}/health").status_code == 200:
                return server
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    server.kill()
    raise SystemExit("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
