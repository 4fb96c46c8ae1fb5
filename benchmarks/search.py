"""How fast things are found and indexed: an index of many documents over SQLite, in this process.

    python -m benchmarks.search [--folder DIR] [--entries 100000] [--queries 200]

Texts are made of the words of the labelled set (`tests/search/labelled.txt`) and of others that are as rare as words
are (Zipf), 60 words each. Queries are of one to four words, every tenth with a slip; each is asked once by text, once
by both. `precision` is that of the labelled set.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from tests.search.labelled import indexed, labelled, precision
from vapora.domain.search import KINDS, Entry, everything
from vapora.search import IndexWriter, LiveModel, Put, SearchReader, learn_if_due

_BATCH = 2_000
_WORDS = 60


def _vocabulary() -> list[str]:
    known = sorted({word.lower() for one in labelled().entries for word in f"{one.title} {one.text}".split()})
    chance = random.Random(1)
    made = (
        "".join(chance.choice("bcdfglmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 5)))
        for _ in range(60_000)
    )
    return list(dict.fromkeys([*known, *made]))


def _entries(count: int, words: list[str], weights: list[float]) -> Iterator[Entry]:
    chance, today = random.Random(2), datetime.now(UTC)
    for n in range(count):
        said = chance.choices(words, cum_weights=weights, k=_WORDS + 6)
        at = today - timedelta(minutes=count - n)
        yield Entry(KINDS[n % 5], f"e{n}", f"p{n % 40}", " ".join(said[:6]), " ".join(said[6:]), at)


def _queries(count: int, words: list[str], weights: list[float]) -> list[str]:
    chance, found = random.Random(3), []
    for n in range(count):
        said = chance.choices(words, cum_weights=weights, k=chance.randint(1, 4))
        longest = max(said, key=len)
        if n % 10 == 0 and len(longest) > 5:
            said[said.index(longest)] = longest[:2] + longest[3] + longest[2] + longest[4:]
        found.append(" ".join(said))
    return found


def _percentiles(times: list[float]) -> str:
    times.sort()
    return f"{1e3 * times[len(times) // 2]:.1f} / {1e3 * times[int(len(times) * 0.95)]:.1f} / {1e3 * times[-1]:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    given = parser.parse_args()
    words = _vocabulary()
    total, weights = 0.0, []
    for rank in range(len(words)):
        weights.append(total := total + 1 / (rank + 20))
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        place = Path(folder) / "search.db"
        began, mark = time.perf_counter(), time.perf_counter()
        with IndexWriter(place) as writer:
            entries = list(_entries(given.entries, words, weights))
            mark = began = time.perf_counter()
            for start in range(0, len(entries), _BATCH):
                with writer.batch(str) as batch:
                    for one in entries[start : start + _BATCH]:
                        batch.apply(Put(one))
                done = start + _BATCH
                if done % (given.entries // 4 or 1) < _BATCH:
                    now = time.perf_counter()
                    print(f"indexed {done:,}: {(given.entries / 4) / (now - mark):,.0f} entries/s in this quarter")
                    mark = now
            print(f"all {given.entries:,}: {time.perf_counter() - began:.1f} s; {place.stat().st_size >> 20} MiB")
            began = time.perf_counter()
            learn_if_due(lambda: IndexWriter(place), Event())
            print(f"learned what they are about: {time.perf_counter() - began:.1f} s")
            model, times = LiveModel(), []
            for one in _entries(50, words, weights):
                began = time.perf_counter()
                with writer.batch(str) as batch:
                    batch.apply(Put(one))
                model.embed(writer, batch.written)
                times.append(time.perf_counter() - began)
            print(f"one more entry, p50 / p95 / max: {_percentiles(times)}")
        with closing(SearchReader(place)) as reader:
            began = time.perf_counter()
            reader.find("warm", everything(), mode="both")
            print(f"first question by vectors: {time.perf_counter() - began:.2f} s")
            projects = frozenset(f"p{n}" for n in range(20))
            seen = dict.fromkeys(KINDS, projects)
            for mode in ("text", "both"):
                times = []
                for query in _queries(given.queries, words, weights):
                    began = time.perf_counter()
                    reader.find(query, seen, limit=20, mode=mode)
                    times.append(time.perf_counter() - began)
                print(f"{mode}, p50 / p95 / max: {_percentiles(times)}")
        print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
        small, texts = Path(folder) / "labelled.db", labelled()
        indexed(small, texts)
        with closing(SearchReader(small)) as reader:
            print(
                "precision at 10:",
                {mode: round(precision(reader, texts, mode), 3) for mode in ("text", "vectors", "both")},
            )


if __name__ == "__main__":
    main()
