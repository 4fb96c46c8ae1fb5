"""How long adding and following a link takes as the file grows: `sh check.sh speed`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from shortleaf.store import Store  # noqa: E402

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
ROUNDS = 7


def measure(links: int) -> tuple[float, float]:
    """Medians of adding and of following, in milliseconds, in a file of so many links."""
    adding, following = [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "links.json", slug_length=12)
        write, store._write = store._write, lambda: None
        for number in range(links):
            store.add(f"https://example.org/{number}", NOW)
        store._write = write
        for number in range(ROUNDS):
            begin = time.perf_counter()
            link = store.add(f"https://example.org/new/{number}", NOW)
            between = time.perf_counter()
            store.follow(link.slug, "ann", NOW)
            adding.append(between - begin)
            following.append(time.perf_counter() - between)
    return 1_000 * statistics.median(adding), 1_000 * statistics.median(following)


def main() -> None:
    print("links   add (ms)   follow (ms)")
    for links in (100, 1_000, 3_000):
        add, follow = measure(links)
        print(f"{links:5}   {add:8.2f}   {follow:11.2f}")


if __name__ == "__main__":
    main()
