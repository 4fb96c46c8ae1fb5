"""How long until VAPORA is ready, beside Ray and Serve with an empty application; and what all of it takes at rest.

    python -m benchmarks.start [--rounds 3] [--sides local ray serve shards packed separate] [--folder DIR]

In turns, each in a fresh process and on fresh data. "Ready" is the first good answer over HTTP: of `/health`, which
answers well once every actor does; of the empty application; for `ray`, the return of `ray.init`. All with Ray
have its dashboard. Memory is proportional (PSS), of all processes together, `--rest-s` seconds later.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.sides import processes
from benchmarks.sides.side import free_port, plain_environ

_PLACEMENTS = ("shards", "packed", "separate")
_VAPORA = ("local", *_PLACEMENTS)
_SIDES = ("local", "ray", "serve", *_PLACEMENTS)
_READY_S, _ENDED_S = 300.0, 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sides", nargs="+", default=list(_SIDES), choices=_SIDES)
    parser.add_argument("--rest-s", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is to be measured")
    asked = parser.parse_args()
    ready: dict[str, list[float]] = defaultdict(list)
    memory: dict[str, list[dict[str, float]]] = defaultdict(list)
    for _ in range(asked.rounds):
        for side in asked.sides:
            # A short path: Ray's sockets lie below it.
            with tempfile.TemporaryDirectory(prefix="s", dir=asked.folder, ignore_cleanup_errors=True) as folder:
                took, at_rest = _start(side, Path(folder), asked.rest_s)
            ready[side].append(took)
            memory[side].append(at_rest)
            print(f"{side}: {took:.1f} s, {sum(at_rest.values()):,.0f} MB", file=sys.stderr, flush=True)
    print("| | ready after, s: median (all) | beyond serve, s | PSS MB at rest | beyond serve | processes |")
    print("|---|---|---|---|---|---|")
    for side in asked.sides:
        took, total = statistics.median(ready[side]), _total(memory[side])
        beyond = ["", ""]
        if ready.get("serve"):
            serve = (statistics.median(ready["serve"]), _total(memory["serve"]))
            beyond = [f"{took - serve[0]:+.1f}", f"{total - serve[1]:+,.0f}"]
        beyond = beyond if side in _PLACEMENTS and ready["serve"] else ["", ""]
        every = ", ".join(f"{one:.1f}" for one in ready[side])
        print(f"| {side} | {took:.1f} ({every}) | {beyond[0]} | {total:,.0f} | {beyond[1]} | {len(memory[side][-1])} |")
    for side in asked.sides:
        print(f"\n{side}, the last round, by process:\n")
        for name, pss in sorted(memory[side][-1].items(), key=lambda one: -one[1]):
            print(f"- {pss:,.0f} MB {name}")
    print(f"\nload {os.getloadavg()[0]:.1f} after")
    return 0


def _total(rounds: list[dict[str, float]]) -> float:
    return statistics.median(sum(one.values()) for one in rounds) if rounds else 0.0


def _start(side: str, folder: Path, rest_s: float) -> tuple[float, dict[str, float]]:
    mark, port = uuid.uuid4().hex, free_port()
    environ = plain_environ() | {processes.MARK: mark}
    if side in _VAPORA:
        command = [sys.executable, "-m", "vapora", "up"]
        settings = {"DATA": str(folder / "data"), "PORT": str(port), "MODEL": "rehearsal"}
        settings |= {"RUNTIME": "local"} if side == "local" else {"RUNTIME": "ray", "PLACEMENT": side}
        environ |= {f"VAPORA_{name}": value for name, value in settings.items()}
    else:
        command = [sys.executable, "-m", "benchmarks.sides.empty_ray", side, str(port), str(folder / "r")]
        environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    with (folder / "output.txt").open("w+b") as output:
        began = time.perf_counter()
        server = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
        try:
            while not _is_ready(side, port, folder / "output.txt"):
                if server.poll() is not None or time.perf_counter() - began > _READY_S:
                    raise RuntimeError(f"{side} did not start:\n{(folder / 'output.txt').read_text()[-4_000:]}")
                time.sleep(0.02)
            took = time.perf_counter() - began
            time.sleep(rest_s)
            return took, _memory(mark)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(_ENDED_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _is_ready(side: str, port: int, output: Path) -> bool:
    if side == "ray":
        return "ready" in output.read_text()
    with suppress(httpx.HTTPError):
        answer = httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
        return answer.status_code == 200 and (side not in _VAPORA or answer.json()["status"] == "ok")
    return False


def _memory(mark: str) -> dict[str, float]:
    """By process: short names, numbered where several have one."""
    found: dict[str, float] = {}
    for pid, pss in processes.pss_mb(processes.of(mark)).items():
        name = _short(processes.title(pid))
        found[name if name not in found else f"{name} ({pid})"] = pss
    return found


def _short(title: str) -> str:
    if title.startswith("ray::"):
        return title[:60]
    words = [Path(word).name for word in title.split() if not word.startswith("-")]
    script = next((word for word in words[1:] if re.fullmatch(r"[\w.]+", word)), "")
    return " ".join([*words[:1], script]).strip()[:60]


if __name__ == "__main__":
    sys.exit(main())
