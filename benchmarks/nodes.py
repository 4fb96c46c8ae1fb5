"""The same work on 1, 2 and 4 Ray nodes: what a task costs when those who call each other stand further apart.

    python -m benchmarks.nodes [--nodes 1 2 4] [--tasks 60] [--at-once 12] [--agents 4] [--calls NAME …]

Each node is a host as on a network, with an address, processes and temporary files of its own, over one PostgreSQL and
one S3. All of them share the processors of this machine, so that tasks a second would say how many of these there are,
and not what more nodes bring: what is measured is the processor's time of a task. It takes root.

Each actor has a process of its own (`VAPORA_PLACEMENT=separate`), and Ray chooses its node. Calls:

- `Ray`: all of them go over Ray;
- `Ray between nodes`: over a socket within a node, over Ray from one to another;
- `TCP between nodes`: with a secret for it, over TCP from one node to another.

Ray is started once and grows; actors, database and texts are new for each line. `hands in`: the process that gives the
work and hears of its end, on the first node. `Ray's own`: all processes of nodes that hold no actor, also while they
wait, so a slow run has more of it. Memory is proportional (PSS): here all nodes have one copy of each library's file
between them, on machines of their own each would have its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from benchmarks.sides import loop, processes
from benchmarks.sides.side import plain_environ
from benchmarks.sides.tasks import AGENTS
from tests.cluster import hosts
from tests.cluster.hosts import GATEWAY, ROOT, UNTIL_IT_RUNS, Host, program
from tests.postgres import Server, owned
from tests.waiting import wait_for
from vapora.log.proof import SigningKey

CALLS = {
    "Ray": {"VAPORA_TRANSPORT": "ray"},
    "Ray between nodes": {"VAPORA_TRANSPORT": "direct"},
    "TCP between nodes": {"VAPORA_TRANSPORT": "direct", "VAPORA_TRANSPORT_SECRET": secrets.token_hex(32)},
}
_SOCKETS = ("Ray between nodes", "TCP between nodes")
_COLUMNS = ("actors", "Ray's own", "hands in", "PostgreSQL")
# Ray's workers are nicer than others: beside some that compute they would hardly begin.
_RAY = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "PYTHONPATH": str(ROOT),
}
# Nobody looks at a dashboard, or reads along.
_AS_HEAD = (
    "--head",
    "--port=6379",
    "--include-dashboard=false",
    "--include-log-monitor=false",
)
_PATIENCE_S = 600.0
_DRIVER = "benchmarks.sides.on_nodes"


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds of the processor for a task and MB, by column; how many processes of actors each node has."""

    seconds: float
    cpu_ms: Counter[str]
    pss_mb: Counter[str]
    placed: list[int]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--tasks", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=12)
    parser.add_argument("--agents", type=int, default=4, choices=range(1, len(AGENTS) + 1))
    parser.add_argument("--calls", nargs="+", default=list(CALLS), choices=CALLS, metavar="NAME", help=", ".join(CALLS))
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.within is not None:
        _measure_all(asked, asked.within)
        return 0
    if why := hosts.missing():
        print(f"Nothing was measured.\nThere can be no nodes here: {why}")
        return 0
    return _in_namespaces(sys.argv[1:])


def _in_namespaces(arguments: Sequence[str]) -> int:
    """In a network and a set of processes apart: others here may have such hosts too, and whatever was started ends
    with the first of these processes, however it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Not below /tmp: each host has its own.
    with tempfile.TemporaryDirectory(prefix="vapora-nodes-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        # The server's user comes through.
        Path(folder).chmod(0o755)
        apart = ["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child=SIGKILL"]
        again = [sys.executable, "-m", "benchmarks.nodes", *arguments, "--within", folder]
        measuring = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *apart, *again])
        try:
            return measuring.wait()
        finally:
            measuring.kill()
            measuring.wait()


def _measure_all(asked: argparse.Namespace, folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    load = [os.getloadavg()[0]]
    print(f"| nodes | calls | s | {' | '.join(f'{one}, CPU ms a task' for one in _COLUMNS)} ", end="")
    print(f"| {' | '.join(f'{one}, PSS MB' for one in _COLUMNS[:2])} | processes of actors on each |")
    print("|---" * (len(_COLUMNS) + 6) + "|", flush=True)
    with ExitStack() as stack:
        server = stack.enter_context(owned(folder))
        offer = stack.enter_context(hosts.network())
        store = stack.enter_context(_s3())
        for url in (server.url, store):
            offer(urlsplit(url).port or 0)
        SigningKey.open(folder / "audit_key")
        site = Site(folder, server, store)
        stack.callback(site.remove)
        for nodes in sorted(set(asked.nodes)):
            site.grow(nodes)
            asked_here = asked.calls
            if nodes == 1 and set(_SOCKETS) <= set(asked.calls):
                # One node alone knows no difference between these.
                asked_here = [one for one in asked.calls if one != _SOCKETS[0]]
            for calls in asked_here:
                _row(nodes, calls, site.measure(calls, asked))
                load.append(os.getloadavg()[0])
    work = f"{asked.tasks} tasks, {asked.at_once} at once, {asked.agents} agents"
    print(f"\n{work}; load {min(load):.1f} to {max(load):.1f}")


def _row(nodes: int, calls: str, found: Measured) -> None:
    title = "sockets" if nodes == 1 and calls in _SOCKETS else calls
    cells = [str(nodes), title, f"{found.seconds:.1f}", *(f"{found.cpu_ms[one]:.0f}" for one in _COLUMNS)]
    cells += [f"{found.pss_mb[one]:,.0f}" for one in _COLUMNS[:2]]
    print(f"| {' | '.join(cells)} | {' + '.join(map(str, found.placed))} |", flush=True)


@contextmanager
def _s3() -> Iterator[str]:
    """Texts and checkpoints, in this process, whose processor's time is nobody's."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    httpx.put(f"{address}/nodes", timeout=60).raise_for_status()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()


class Site:
    """The nodes of one Ray. What all of them need stands in `folder`, which they share as a mounted volume."""

    def __init__(self, folder: Path, server: Server, s3: str) -> None:
        self._folder, self._server, self._s3 = folder, server, s3
        self._hosts: list[Host] = []
        self._lines = 0

    def grow(self, nodes: int) -> None:
        starting = []
        for number in range(len(self._hosts) + 1, nodes + 1):
            host = Host(f"node-{number}", 10 + number, self._folder / f"n{number}")
            self._hosts.append(host)
            host.power_on()
            role = _AS_HEAD if number == 1 else (f"--address={self._head}",)
            command = [program("ray"), "start", *role, f"--node-ip-address={host.address}", "--num-cpus=1"]
            command += ["--object-store-memory=80000000"]
            starting.append(host.begin([*UNTIL_IT_RUNS, *command], plain_environ() | _RAY))
            if number == 1:
                wait_for("the head runs", partial(_is_over, starting[0]))
        for one in starting:
            wait_for("it has joined", partial(_is_over, one))

    def measure(self, calls: str, asked: argparse.Namespace) -> Measured:
        self._lines += 1
        with self._server.database() as url:
            ours = {
                "VAPORA_DATABASE_URL": url.replace("127.0.0.1", GATEWAY),
                "VAPORA_BLOBS_URL": f"s3://nodes/{self._lines}",
                "VAPORA_AUDIT_KEY": str(self._folder / "audit_key"),
                "VAPORA_DATA": f"/tmp/data-{self._lines}",
                "VAPORA_RUNTIME": "ray",
                "VAPORA_PLACEMENT": "separate",
                "VAPORA_MODEL": "rehearsal",
                "VAPORA_REHEARSAL_MIN_DELAY_S": "0",
                "VAPORA_REHEARSAL_MAX_DELAY_S": "0",
                "VAPORA_REHEARSAL_STEPS": str(loop.STEPS),
                "AWS_ENDPOINT_URL": self._s3.replace("127.0.0.1", GATEWAY),
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_REGION": "us-east-1",
                **CALLS[calls],
            }
            counts = {"--nodes": len(self._hosts), "--agents": asked.agents, "--tasks": asked.tasks}
            counts |= {"--at-once": asked.at_once}
            words = [str(word) for pair in counts.items() for word in pair]
            driver = subprocess.Popen(
                [*self._hosts[0].inside(), sys.executable, "-m", _DRIVER, self._head, *words],
                env=plain_environ() | _RAY | ours,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
            placed = _next(driver)
            before = self._cpu_s()
            _go_on(driver)
            seconds = _next(driver)
            used = self._cpu_s()
            used.subtract(before)
            memory = Counter[str]()
            for pid, megabytes in processes.pss_mb(found := self._processes()).items():
                memory[found[pid]] += megabytes  # type: ignore[assignment]
            _go_on(driver)
            if driver.wait(_PATIENCE_S):
                raise RuntimeError(f"whoever handed in the work ended with {driver.returncode}")
        a_task = Counter({name: 1_000 * of / asked.tasks for name, of in used.items()})
        return Measured(seconds, a_task, memory, [len(placed[host.address]) for host in self._hosts])

    def remove(self) -> None:
        for host in self._hosts:
            host.remove()

    @property
    def _head(self) -> str:
        return f"{self._hosts[0].address}:6379"

    def _cpu_s(self) -> Counter[str]:
        found, used = self._processes(), Counter[str]()
        for pid, seconds in processes.cpu_s(found).items():
            used[found[pid]] += seconds  # type: ignore[assignment]
        return used

    def _processes(self) -> dict[int, str]:
        """All that run in the hosts, and those of the server, by column."""
        pids = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
        return {pid: column for pid in pids if (column := _column(pid))}


def _is_over(starting: subprocess.Popen[bytes]) -> bool:
    """What it started goes on for as long as its host."""
    return starting.poll() == 0


def _column(pid: int) -> str:
    title = processes.title(pid)
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        elsewhere = Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    except OSError:
        return ""  # it has ended
    if not elsewhere:
        return "PostgreSQL" if name == "postgres" else ""
    if _DRIVER in title:
        return "hands in"
    return "actors" if title.startswith("ray::") and not title.startswith("ray::IDLE") else "Ray's own"


def _next(driver: subprocess.Popen[bytes]) -> Any:
    assert driver.stdout is not None
    ready, _, _ = select.select([driver.stdout], [], [], _PATIENCE_S)
    line = driver.stdout.readline() if ready else b""
    if not line:
        raise RuntimeError(f"whoever hands in the work ended, or said nothing for {_PATIENCE_S:.0f} s")
    return json.loads(line)


def _go_on(driver: subprocess.Popen[bytes]) -> None:
    assert driver.stdin is not None
    driver.stdin.write(b"\n")


if __name__ == "__main__":
    sys.exit(main())
