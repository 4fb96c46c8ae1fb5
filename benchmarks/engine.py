"""What a task costs: VAPORA beside LangGraph and DBOS, in one run.

    python -m benchmarks.engine [--sides NAME …] [--at-once 1 12 48] [--models 0 0.1] [--seconds 4] [--rounds 2]

Every side does the same: a task is three steps of a model that answers after 0 to so many seconds, and each step is
on the disk before the next begins. So many tasks are under way at once, and whoever ends one begins another. LangGraph
has `SqliteSaver` and `durability="sync"`, DBOS a SQLite file; both run in an environment that this benchmark makes,
once, in the user's cache. VAPORA keeps its ledger and its read models meanwhile; each agent may have 48 tasks.

In each round each side is started afresh and ended again, one after the other. CPU is that of all processes of a side,
but not of the client that hands in the work over HTTP and hears of its end over a WebSocket; `--processes` prints it of
each. Memory is proportional
(PSS). "commits": transactions a task, of the log and of everything else. "raw" is plain SQLite, one row a commit: the
last line says how many tasks a second that would allow, with as many commits as the log of `one process` has at 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.sides import loop
from benchmarks.sides.side import NAMES, OURS, Measured, Side

_WARM_S = 1.0
_AGENTS = 12
_BASE = "LangGraph"


class _Figures:
    """Of all rounds; a figure of several rounds is their median."""

    def __init__(self) -> None:
        self._measured: dict[tuple[str, float, int], list[Measured]] = defaultdict(list)
        self._memory: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, side: str, longest_s: float, at_once: int, measured: Measured) -> None:
        self._measured[side, longest_s, at_once].append(measured)
        print(
            f"{side}, 0 to {longest_s * 1e3:.0f} ms, {at_once} at once: {measured.a_second:.1f} tasks/s, "
            f"{measured.cpu_ms:.1f} ms CPU a task",
            file=sys.stderr,
            flush=True,
        )

    def add_memory(self, side: str, at_rest: float, after: float) -> None:
        self._memory[side].append((at_rest, after))

    def of(self, side: str, longest_s: float, at_once: int) -> list[Measured]:
        return self._measured.get((side, longest_s, at_once), [])

    def a_second(self, side: str, longest_s: float, at_once: int) -> float | None:
        found = [one.a_second for one in self.of(side, longest_s, at_once)]
        return statistics.median(found) if found else None

    def memory(self, side: str) -> str:
        if not self._memory[side]:
            return "–"
        return " / ".join(f"{statistics.median(column):,.0f}" for column in zip(*self._memory[side], strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="+", default=list(NAMES), choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 12, 48])
    parser.add_argument("--models", nargs="+", type=float, default=[0.0, 0.1], help="the longest answer, in seconds")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is to be measured")
    parser.add_argument("--processes", action="store_true", help="print what each process takes of the processor")
    parser.add_argument("--json", type=Path, help="keep each measurement in this file")
    asked = parser.parse_args()
    figures = _Figures()
    kept = []
    load_before = os.getloadavg()[0]
    for _ in range(asked.rounds):
        for side in asked.sides:
            for longest_s in asked.models:
                if side == "raw commits" and longest_s:
                    continue
                # A short path: Ray's sockets lie below it.
                with tempfile.TemporaryDirectory(prefix="e", dir=asked.folder, ignore_cleanup_errors=True) as folder:
                    kept += _measure(figures, Side(side, Path(folder), longest_s), side, longest_s, asked)
    _print(figures, asked)
    print(f"\nload {load_before:.1f} before, {os.getloadavg()[0]:.1f} after; rounds: {asked.rounds}")
    if asked.json:
        asked.json.write_text(json.dumps(kept, indent=1))
    return 0


def _measure(
    figures: _Figures, side: Side, name: str, longest_s: float, asked: argparse.Namespace
) -> list[dict[str, object]]:
    kept: list[dict[str, object]] = []
    try:
        at_rest = sum(side.memory_mb().values())
        side.warm_up(_AGENTS)
        for at_once in asked.at_once:
            one = side.measure(at_once, asked.seconds, min(_WARM_S, asked.seconds))
            figures.add(name, longest_s, at_once, one)
            if asked.processes:
                for title, used_ms in sorted(one.cpu_by.items(), key=lambda item: -item[1]):
                    print(f"{used_ms:9.2f} ms a task  {title[:100]}", file=sys.stderr, flush=True)
            p50, p95 = one.quantile(50), one.quantile(95)
            kept.append(
                {"side": name, "longest_s": longest_s, "at_once": at_once, "a_second": one.a_second}
                | {"cpu_ms": one.cpu_ms, "p50_ms": p50, "p95_ms": p95, "commits": one.commits}
            )
        if not longest_s or longest_s == asked.models[0]:
            figures.add_memory(name, at_rest, sum(side.memory_mb().values()))
    finally:
        side.end()
    return kept


def _print(figures: _Figures, asked: argparse.Namespace) -> None:
    sides = [one for one in asked.sides if one != "raw commits"]
    for longest_s in asked.models:
        print(f"\nModels of 0 to {longest_s * 1e3:.0f} ms\n")
        if longest_s:
            _print_beside_ceiling(figures, asked, sides, longest_s)
        else:
            _print_beside_others(figures, asked, sides)
    if "raw commits" in asked.sides and "one process" in sides and 0 in asked.models and 1 in asked.at_once:
        raw = figures.a_second("raw commits", 0, 1) or 0.0
        a_task = _median([_log_commits(one) for one in figures.of("one process", 0, 1)])
        print(
            f"\nraw: {raw:,.0f} commits/s one after the other, so {raw / a_task:,.0f} tasks/s of {a_task:.1f} commits"
        )


def _print_beside_others(figures: _Figures, asked: argparse.Namespace, sides: list[str]) -> None:
    loads = asked.at_once
    heads = ["", *(f"tasks/s, {one} at once" for one in loads)]
    heads += [f"of {_BASE} at {one}" for one in loads] if _BASE in sides else []
    heads += [f"CPU ms a task at {one}" for one in loads] + [f"p50 / p95 ms at {one}" for one in loads]
    heads += [f"commits a task at {one}: log + other" for one in loads] + ["PSS MB, at rest / after"]
    _row(heads)
    _row(["---"] * len(heads))
    for side in sides:
        cells = [side, *(_number(figures.a_second(side, 0, one)) for one in loads)]
        if _BASE in sides:
            for one in loads:
                ours, theirs = figures.a_second(side, 0, one), figures.a_second(_BASE, 0, one)
                cells.append(f"{ours / theirs:.2f}" if ours and theirs else "–")
        found = [figures.of(side, 0, one) for one in loads]
        cells += [_number(_median([one.cpu_ms for one in several])) for several in found]
        cells += [
            f"{_number(_median([one.quantile(50) for one in several]))} / "
            f"{_number(_median([one.quantile(95) for one in several]))}"
            for several in found
        ]
        for several in found:
            log = _median([_log_commits(one) for one in several])
            other = _median([sum(one.commits.values()) for one in several]) - log
            cells.append(f"{log:.1f} + {other:.1f}" if side in OURS else f"{log + other:.1f}")
        _row([*cells, figures.memory(side)])


def _print_beside_ceiling(figures: _Figures, asked: argparse.Namespace, sides: list[str], longest_s: float) -> None:
    loads = asked.at_once
    heads = ["", *(f"tasks/s, {one} at once" for one in loads), *(f"% of the ceiling at {one}" for one in loads)]
    heads += [f"CPU ms a task at {one}" for one in loads]
    _row(heads)
    _row(["---"] * len(heads))
    ceilings = [one / (loop.STEPS * longest_s / 2) for one in loads]
    _row(["ceiling: the models alone", *map(_number, ceilings), *[""] * len(loads) * 2])
    for side in sides:
        found = [figures.a_second(side, longest_s, one) for one in loads]
        cells = [side, *map(_number, found)]
        cells += [f"{100 * one / ceiling:.0f}" if one else "–" for one, ceiling in zip(found, ceilings, strict=True)]
        cells += [_number(_median([a.cpu_ms for a in figures.of(side, longest_s, one)])) for one in loads]
        _row(cells)


def _log_commits(measured: Measured) -> float:
    return sum(count for name, count in measured.commits.items() if name.endswith("log.db"))


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _row(cells: list[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
