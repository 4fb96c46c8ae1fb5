"""What the knowledge graph costs: `python -m benchmarks.knowledge [--cards N]`.

`walk`: the time of one walk around a card, by depth, where there are six edges a card: 17,000 cards are 10^5. What an
answer takes must not grow with how much there is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from projections import ReadStore, Runner, all_projections
from projections.knowledge import EXECUTIONS, FILES, TASKS, Knowledge
from vapora.knowledge import graph

_BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_EDGES_A_CARD = 6
_WALKS = 40


def _rows(number: int) -> tuple[tuple[Any, dict[str, Any]], ...]:
    """A card that one of a dozen agents did, by two of 500 files."""
    at = (_BEGAN + timedelta(seconds=number)).isoformat(timespec="microseconds")
    task = {
        "task_id": f"t-{number}",
        "project_id": "p",
        "title": "Do it",
        "task_type": "coding",
        "asked_by": "somebody",
    }
    card: dict[str, Any] = {
        **task,
        "decided_by": None,
        "sent_back": 0,
        "blocked_by": [],
        "problems": [],
        "at": at,
        "day": at[:10],
    }
    run = {"run_id": f"t-{number}.1", "task_id": f"t-{number}", "project_id": "p", "agent_id": f"agent-{number % 12}"}
    of = {"role": "developer", "task_type": "coding", "purpose": "work", "simulated": 1, "state": "succeeded"}
    said = {"verdict": "", "reviewed": 0, "landed": 0, "counts": 1, "checks": None, "check_rounds": 0, "said": "done"}
    when = {"started_at": at, "ended_at": at, "day": at[:10], "duration_ms": 1, "given": [], "withheld": 0}
    files = ({"path": f"src/{(7 * number + n) % 500}.py", "task_id": f"t-{number}"} for n in range(2))
    return (
        (TASKS, card),
        (EXECUTIONS, {**run, **of, **said, **when}),
        *((FILES, {**one, "run_id": f"t-{number}.1", "at": at, "day": at[:10]}) for one in files),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=17_000)
    parser.add_argument("--walks", type=int, default=_WALKS)
    arguments = parser.parse_args()
    cards, walks = arguments.cards, arguments.walks
    with tempfile.TemporaryDirectory() as name:
        store = ReadStore(Path(name) / "read.db")
        Runner(store, all_projections())
        with store.transaction() as transaction:
            rows = transaction.rows(Knowledge())
            rows.begin(1)
            for number in range(cards):
                for table, row in _rows(number):
                    rows.put(table, row)
            rows.flush()
        print(f"\n| walk, {cards * _EDGES_A_CARD:,} edges, depth | nodes | p50 ms | p95 ms |\n|---|---|---|---|")
        for depth in (1, 2, 3, 4):
            taken = []
            for number in range(walks):
                with store.snapshot() as read:
                    began = time.perf_counter()
                    found = graph(read, f"task:t-{number * cards // walks}", depth, 120)
                    taken.append((time.perf_counter() - began) * 1e3)
            taken.sort()
            print(f"| {depth} | {len(found.nodes)} | {taken[walks // 2]:.1f} | {taken[walks * 95 // 100]:.1f} |")
        store.close()


if __name__ == "__main__":
    main()
