"""How a request reaches the API on Ray: by the proxy of Serve, by HAProxy, or by a server of its own in the replica.

    python -m benchmarks.ingress [--sides uvicorn proxy haproxy replica] [--seconds 5] [--at-once 16] [--rounds 2]

The same small application behind each, beside plain uvicorn. Requests a second, and processor time of all processes a
request; a message to and fro on a WebSocket; and which ports each opens to the network.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
from websockets.asyncio.client import connect

from benchmarks.sides import processes
from benchmarks.sides.side import free_port, plain_environ

_SIDES = ("uvicorn", "proxy", "haproxy", "replica")
_READY_S, _ENDED_S = 120.0, 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="+", default=list(_SIDES), choices=_SIDES)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    print(
        "| | requests/s | CPU ms a request | p50 / p95, ms | WebSocket to and fro, ms | PSS MB | open to the network |"
    )
    print("|---|---|---|---|---|---|---|")
    for _ in range(asked.rounds):
        for side in asked.sides:
            with tempfile.TemporaryDirectory(prefix="g", ignore_cleanup_errors=True) as folder:
                print(f"| {side} | {_measure(side, Path(folder), asked.seconds, asked.at_once)} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} after")
    return 0


def _measure(side: str, folder: Path, seconds: float, at_once: int) -> str:
    mark, port = uuid.uuid4().hex, free_port()
    environ = plain_environ() | {processes.MARK: mark, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"} | _options(side, folder)
    command = [sys.executable, "-m", "benchmarks.sides.ingress", side, str(port), str(folder / "r")]
    with (folder / "output.txt").open("w+b") as output:
        server = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        try:
            began = time.monotonic()
            while not _answers(port):
                if server.poll() is not None or time.monotonic() - began > _READY_S:
                    raise RuntimeError((folder / "output.txt").read_text()[-4_000:])
                time.sleep(0.1)
            asyncio.run(_load(port, at_once, 1.0))
            before = processes.cpu_s(processes.of(mark))
            times = asyncio.run(_load(port, at_once, seconds))
            after = processes.cpu_s(processes.of(mark))
            cpu = sum(used - before.get(pid, 0.0) for pid, used in after.items())
            cells = [
                f"{len(times) / seconds:,.0f}",
                f"{cpu / len(times) * 1e3:.2f}",
                f"{statistics.median(times) * 1e3:.1f} / {statistics.quantiles(times, n=20)[-1] * 1e3:.1f}",
                f"{asyncio.run(_echo(port)) * 1e3:.2f}",
                f"{sum(processes.pss_mb(processes.of(mark)).values()):,.0f}",
                _open_ports(processes.of(mark)),
            ]
            return " | ".join(cells)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(_ENDED_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _options(side: str, folder: Path) -> dict[str, str]:
    if side == "haproxy":
        return {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "state"),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
        }
    return {}


def _answers(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    return False


async def _load(port: int, at_once: int, seconds: float) -> list[float]:
    """Seconds of each request, over as many connections."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            writer.write(request)
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
            except (asyncio.IncompleteReadError, ConnectionError):
                # HAProxy closes connections when it reads its settings anew.
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            if b" 200 " not in head[:16]:
                raise RuntimeError(head.decode())
            if b"content-length: " in head:
                await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            else:
                await reader.readuntil(b"0\r\n\r\n")
            times.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(at_once)))
    return times


async def _echo(port: int) -> float:
    times = []
    async with connect(f"ws://127.0.0.1:{port}/echo", compression=None) as socket:
        for _ in range(300):
            began = time.perf_counter()
            await socket.send("hello")
            await socket.recv()
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _open_ports(pids: list[int]) -> str:
    """Ports that listen on more than this machine."""
    found = set()
    for pid in pids:
        with suppress(psutil.Error):
            for one in psutil.Process(pid).net_connections(kind="tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr.ip not in ("127.0.0.1", "::1"):
                    found.add(one.laddr.port)
    return ", ".join(map(str, sorted(found))) or "none"


if __name__ == "__main__":
    sys.exit(main())
