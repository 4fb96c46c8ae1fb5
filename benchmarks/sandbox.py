"""What a sandbox adds to a command that does nothing.

    python -m benchmarks.sandbox [--rounds 50]

Each round starts `/bin/sh -c true` plainly, by bubblewrap alone with the same options, and in each sandbox that works
here.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from vapora.sandbox import bubblewrap
from vapora.sandbox.choice import choose, probe
from vapora.sandbox.sandbox import find_prlimit
from vapora.sandbox.values import Command, Kind, Limits, Room

NOTHING = Command("true")
KINDS: tuple[Kind, ...] = ("none", "bubblewrap", "sandlock")


async def took(act: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await act()
    return (time.perf_counter() - begun) * 1_000


async def plain() -> None:
    subprocess.run(NOTHING.argv, env={}, check=True)  # noqa: ASYNC221 - the baseline blocks, and nothing else runs


async def measure(rounds: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as name:
        room = Room(Path(name) / "worktree", Path(name) / "home")
        room.worktree.mkdir()
        room.home.mkdir()
        acts: dict[str, Callable[[], Awaitable[object]]] = {"plain": plain}
        for kind in KINDS:
            finding = await probe(kind)
            if finding.problem is not None:
                print(f"{kind}: {finding.problem}")
                continue
            sandbox = await choose(kind)
            acts[kind] = partial(sandbox.run, room, NOTHING, Limits())
        program, prlimit = bubblewrap.program(), find_prlimit()
        if "bubblewrap" in acts and program and prlimit:
            alone = bubblewrap.arguments(program, prlimit, room, NOTHING, Limits(), 2)

            async def bwrap() -> None:
                subprocess.run(alone, env={}, check=True, stderr=subprocess.DEVNULL)  # noqa: ASYNC221 - as above

            acts["bwrap alone"] = bwrap
        times: dict[str, list[float]] = {act: [] for act in acts}
        for _ in range(rounds):
            for act, do in acts.items():
                times[act].append(await took(do))
        return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    times = asyncio.run(measure(parser.parse_args().rounds))
    base = statistics.median(times["plain"])
    print(f"{'ms':<14}{'least':>8}{'median':>8}{'beyond plain':>14}")
    for name, found in times.items():
        middle = statistics.median(found)
        print(f"{name:<14}{min(found):>8.1f}{middle:>8.1f}{middle - base:>14.1f}")


if __name__ == "__main__":
    main()
