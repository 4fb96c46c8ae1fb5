"""One side: started afresh in a folder of its own, given loads one after the other, and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from benchmarks.sides import loop, peers, processes

OURS = ("one process", "local", "packed", "packed direct", "separate", "separate direct")
NAMES = (*OURS, "LangGraph", "DBOS", "raw commits")
_HERE = Path(__file__).parent
_READY_S, _ENDED_S = 180.0, 60.0
# Beyond what a load asks for: an agent's process starts with its first work, which takes Ray seconds.
_LONGER_S = 120.0


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu_ms`: of all processes, a task; `cpu_by`: the same by process, as `ps` names it. `commits`: transactions a
    task by SQLite file."""

    tasks: int
    seconds: float
    cpu_ms: float
    times_ms: list[float]
    commits: dict[str, float]
    cpu_by: dict[str, float]

    @property
    def a_second(self) -> float:
        return self.tasks / self.seconds

    def quantile(self, of_100: int) -> float:
        return statistics.quantiles(self.times_ms, n=100)[of_100 - 1] if len(self.times_ms) > 1 else self.times_ms[0]


class Side:
    def __init__(self, name: str, folder: Path, longest_s: float) -> None:
        """`longest_s`: the model answers after 0 to so many seconds."""
        self._folder = folder
        self._longest_s = longest_s
        self._mark = uuid.uuid4().hex
        self._output = (folder / "output.txt").open("w+b")
        self._server: Server | None = None
        module = [sys.executable, "-m"]
        match name:
            case "local" | "packed" | "packed direct" | "separate" | "separate direct":
                self._server = Server(name, folder, self._output, (0, longest_s))
                self._mark = self._server.mark
                # Whoever hands in the work is no part of the side.
                self._worker = self._start([*module, "benchmarks.sides.over_http", str(self._server.port)], {})
            case "one process":
                command = [*module, "benchmarks.sides.one_process", str(folder / "data"), str(longest_s)]
                self._worker = self._start(command, self._marked())
            case "LangGraph" | "DBOS":
                script = _HERE / f"with_{name.lower()}.py"
                self._worker = self._start([str(peers.python()), str(script), str(folder)], self._marked())
            case "raw commits":
                command = [sys.executable, str(_HERE / "raw_commits.py"), str(folder)]
                self._worker = self._start(command, self._marked())
            case _:
                raise ValueError(f"there is no side {name}")
        self._expect("ready")

    def measure(self, at_once: int, seconds: float, warm_s: float) -> Measured:
        self._tell(at_once, seconds, warm_s)
        self._expect("begin")
        before, written = processes.cpu_s(processes.of(self._mark)), processes.commits(self._folder)
        self._expect("end")
        after, written_then = processes.cpu_s(processes.of(self._mark)), processes.commits(self._folder)
        result = self._next(_LONGER_S)
        times = [one * 1e3 for one in result["times"]]
        if not times:
            raise RuntimeError("no task came to its end")
        cpu_by: dict[str, float] = {}
        for pid, used in after.items():
            title = processes.title(pid)
            cpu_by[title] = cpu_by.get(title, 0.0) + (used - before.get(pid, 0.0)) * 1e3 / len(times)
        return Measured(
            len(times),
            result["seconds"],
            sum(cpu_by.values()),
            times,
            {
                name: (count - written.get(name, 0)) / len(times)
                for name, count in written_then.items()
                if count > written.get(name, 0)
            },
            cpu_by,
        )

    def warm_up(self, tasks: int) -> None:
        """So many at once, one after the other, so that each agent has its process."""
        self._tell(tasks, 0, 0)
        self._next(_LONGER_S)

    def memory_mb(self) -> dict[str, float]:
        """By process, as `ps` names it."""
        found: dict[str, float] = {}
        for pid, pss in processes.pss_mb(processes.of(self._mark)).items():
            title = processes.title(pid)
            found[title] = found.get(title, 0.0) + pss
        return found

    def end(self) -> None:
        assert self._worker.stdin is not None
        with suppress(BrokenPipeError):
            self._worker.stdin.close()
        try:
            _wait(self._worker)
            if self._server is not None:
                self._server.end()
        finally:
            self._output.close()

    def _tell(self, at_once: int, seconds: float, warm_s: float) -> None:
        load = {"at_once": at_once, "seconds": seconds, "warm_s": warm_s, "longest_s": self._longest_s}
        assert self._worker.stdin is not None
        self._worker.stdin.write(json.dumps(load).encode() + b"\n")
        self._worker.stdin.flush()

    def _expect(self, word: str) -> None:
        said = self._next(_LONGER_S)
        if said != word:
            raise RuntimeError(f"{said} instead of {word}")

    def _next(self, longest_s: float) -> Any:
        assert self._worker.stdout is not None
        patience = threading.Timer(longest_s, self._worker.kill)
        patience.start()
        line = self._worker.stdout.readline()
        patience.cancel()
        if not line:
            self._output.seek(0)
            raise RuntimeError(
                f"it ended, or took longer than {longest_s:.0f} s:\n{self._output.read().decode()[-4000:]}"
            )
        return json.loads(line)

    def _start(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env=plain_environ() | {"PYTHONPATH": str(_HERE.parents[1])} | environ,
        )

    def _marked(self) -> dict[str, str]:
        return {processes.MARK: self._mark}


class Server:
    """A `vapora up` on a port of its own, which answers when this returns; what it says goes to `output`.

    `name`: that of its side; with `direct` behind its placement, calls go over a socket. `delay_s`: the least and the
    most that the rehearsal model takes.
    """

    def __init__(self, name: str, folder: Path, output: BinaryIO, delay_s: tuple[float, float]) -> None:
        self.port = free_port()
        self.mark = uuid.uuid4().hex
        placement, _, transport = name.partition(" ")
        settings = {
            "DATA": str(folder / "data"),
            "PORT": str(self.port),
            "RUNTIME": "local" if name == "local" else "ray",
            "PLACEMENT": "separate" if name == "local" else placement,
            "TRANSPORT": transport or "ray",
            "MODEL": "rehearsal",
            "REHEARSAL_MIN_DELAY_S": str(delay_s[0]),
            "REHEARSAL_MAX_DELAY_S": str(delay_s[1]),
            "REHEARSAL_STEPS": str(loop.STEPS),
        }
        environ = plain_environ() | {processes.MARK: self.mark}
        environ |= {f"VAPORA_{key}": value for key, value in settings.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vapora", "up"], env=environ, stdout=output, stderr=output
        )
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(f"http://127.0.0.1:{self.port}/health").status_code == 200:
                    return
            time.sleep(0.1)
        self._process.kill()
        output.seek(0)
        raise RuntimeError(f"it did not start:\n{output.read().decode()[-4_000:]}")

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        _wait(self._process)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_ENDED_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def plain_environ() -> dict[str, str]:
    """What is set for VAPORA, Ray and Python here is not meant for what is measured: a start without compiled modules
    takes seconds longer."""
    ours = ("VAPORA_", "RAY_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
