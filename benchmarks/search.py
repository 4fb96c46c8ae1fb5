"""How fast things are found and indexed: one index of so many documents, in a SQLite file and in a PostgreSQL server.

    python -m benchmarks.search [--sizes 1000 10000 100000] [--engines sqlite postgres] [--queries 100] [--folder DIR]

The texts are made, always the same: words as rare as words are (Zipf, 60,000 of them and those of the labelled set),
ten to some hundred of them in a text, every seventh a piece of code, each with ids of its own. The questions are of
one word, of several, a phrase, a word with a slip, and some words within a project or a kind; each is asked once, by
whoever may see half of the projects. PostgreSQL is one of its own that flushes to the disk.

`write`: indexing from nothing, in batches as a rebuild has them, by how long a document took in each quarter: linear
where they are the same. `one more`: from the write of an entry until a question finds it. `processor`: what this
process spent on a question, which the load of others says little of; the server's work is not in it.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from threading import Event

import psycopg

from tests.postgres import owned
from tests.search.labelled import indexed, labelled, precision
from vapora.database import Database, Place, search_schema
from vapora.domain.search import KINDS, MODES, Entry, everything
from vapora.search import IndexWriter, LiveModel, Put, SearchReader, learn_if_due

_BATCH = 1_000
_PROJECTS = 40


class Texts:
    """`count` entries, and questions about them; the same for the same number."""

    def __init__(self, count: int) -> None:
        known = sorted({word.lower() for one in labelled().entries for word in f"{one.title} {one.text}".split()})
        chance = random.Random(1)
        made = (
            "".join(chance.choice("bcdfglmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 5)))
            for _ in range(60_000)
        )
        self._words = list(dict.fromkeys([*known, *made]))
        self._weights = list(accumulate(1 / (rank + 20) for rank in range(len(self._words))))
        self._count = count

    def entries(self, first: int, count: int) -> Iterator[Entry]:
        start = datetime.now(UTC) - timedelta(minutes=self._count)
        for n in range(first, first + count):
            chance = random.Random(n)
            at = start + timedelta(minutes=n)
            yield Entry(
                KINDS[n % len(KINDS)], f"e{n}", f"p{n % _PROJECTS}", self._title(chance), self._body(chance, n), at
            )

    def _said(self, chance: random.Random, count: int) -> list[str]:
        return chance.choices(self._words, cum_weights=self._weights, k=count)

    def _title(self, chance: random.Random) -> str:
        return " ".join(self._said(chance, 6)).capitalize()

    def _body(self, chance: random.Random, n: int) -> str:
        said = self._said(chance, min(10 + int(chance.lognormvariate(3.6, 0.8)), 600))
        if n % 7 == 0:
            pairs = zip(said[::2], said[1::2], strict=False)
            said = [f"def {one}_{other}(self, {other}: int) -> None: ...\n" for one, other in pairs]
        return f"{' '.join(said)}. See t{chance.getrandbits(40):010x} and run r{n}."

    def questions(self, count: int) -> Iterator[tuple[str, str, dict[str, str]]]:
        """What kind of question it is, its text, and the filter."""
        chance = random.Random(-1)
        for n in range(count):
            # Of an entry that is there, so that there is something to be found.
            [entry] = self.entries(chance.randrange(self._count), 1)
            words = [word.lower() for word in entry.title.split()]
            longest = max(words, key=len)
            yield "one word", f"{chance.choice(words)} ", {}
            yield "unfinished", longest[:3], {}
            yield "three words", f"{' '.join(words[1:4])} ", {}
            yield "phrase", f'"{words[2]} {words[3]}"', {}
            yield "slip", f"{longest[:1]}{longest[2:3]}{longest[1:2]}{longest[3:]}x ", {}
            yield "in a project", f"{words[0]} {words[1]} ", {"project_id": f"p{n % (_PROJECTS // 2)}"}
            yield "of a kind", f"{words[0]} {words[1]} ", {"kind": KINDS[n % len(KINDS)]}


@dataclass
class Taken:
    wall: list[float]
    processor: list[float]

    def told(self) -> str:
        p50, p95 = _percentile(self.wall, 0.5), _percentile(self.wall, 0.95)
        return f"{1e3 * p50:6.1f} {1e3 * p95:6.1f} {1e3 * _percentile(self.processor, 0.95):6.1f}"


def _percentile(times: list[float], part: float) -> float:
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


def write(place: Place, texts: Texts, count: int) -> None:
    quarters: list[float] = []
    with IndexWriter(place) as writer:
        at = 0
        for quarter in range(1, 5):
            began, first = time.perf_counter(), at
            while at < count * quarter // 4:
                entries = list(texts.entries(at, min(_BATCH, count * quarter // 4 - at)))
                with writer.batch(str) as batch:
                    for one in entries:
                        batch.apply(Put(one))
                at += len(entries)
            quarters.append((time.perf_counter() - began) / max(at - first, 1))
    shown = ", ".join(f"{1e3 * one:.2f}" for one in quarters)
    print(f"write: {1e3 * sum(quarters) / 4:.2f} ms a document (by quarters {shown}); {_size(place) >> 10:,} KiB")


def _size(place: Place) -> int:
    if not isinstance(place, Database):
        return sum(one.stat().st_size for one in Path(place).parent.glob(f"{Path(place).name}*"))
    with psycopg.connect(place.url) as connection:
        row = connection.execute(
            "SELECT SUM(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
            (f'"{place.schema}"',),
        ).fetchone()
        return int(row[0]) if row is not None else 0


def one_more(place: Place, reader: SearchReader, texts: Texts, count: int) -> None:
    model, times = LiveModel(), []
    with IndexWriter(place) as writer:
        for n, one in enumerate(texts.entries(count, 30)):
            began = time.perf_counter()
            with writer.batch(str) as batch:
                batch.apply(Put(one))
            model.embed(writer, batch.written)
            found = reader.find(f"r{count + n} ", everything(), limit=5)
            if one.id not in {hit.id for hit in found.hits}:
                raise RuntimeError(f"{one.id} was written and is not found")
            times.append(time.perf_counter() - began)
    print(f"one more, p50 / p95: {1e3 * _percentile(times, 0.5):.0f} / {1e3 * _percentile(times, 0.95):.0f} ms")


def ask(reader: SearchReader, texts: Texts, count: int) -> None:
    half = dict.fromkeys(KINDS, frozenset(f"p{n}" for n in range(_PROJECTS // 2)))
    for mode in ("text", "both"):
        reader.find("warm", half, mode=mode)
        found: dict[str, Taken] = {}
        for what, query, narrowed in texts.questions(count):
            kinds = (narrowed["kind"],) if "kind" in narrowed else ()
            wall, processor = time.perf_counter(), time.thread_time()
            reader.find(query, half, kinds=kinds, project_id=narrowed.get("project_id"), mode=mode)
            wall, processor = time.perf_counter() - wall, time.thread_time() - processor
            for name in (what, "all"):
                taken = found.setdefault(name, Taken([], []))
                taken.wall.append(wall)
                taken.processor.append(processor)
        for name, taken in sorted(found.items()):
            print(f"{mode:5} {name:13} {taken.told()}")


def measure(place: Place, count: int, queries: int) -> None:
    texts = Texts(count)
    write(place, texts, count)
    began = time.perf_counter()
    learn_if_due(lambda: IndexWriter(place), Event())
    print(f"learned what they are about: {time.perf_counter() - began:.1f} s")
    with closing(SearchReader(place)) as reader:
        print("mode  question      p50, p95, processor p95 in ms")
        ask(reader, texts, queries)
        one_more(place, reader, texts, count)
    print(f"memory of this process at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--engines", nargs="+", choices=("sqlite", "postgres"), default=["sqlite", "postgres"])
    parser.add_argument("--queries", type=int, default=100)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        server = stack.enter_context(owned(given.folder, durable=True)) if "postgres" in given.engines else None
        for size in given.sizes:
            for engine in given.engines:
                print(f"\n{engine}, {size:,} documents", flush=True)
                if server is not None and engine == "postgres":
                    with server.database() as url:
                        measure(search_schema(url, "acme"), size, given.queries)
                else:
                    measure(folder / f"{size}.db", size, given.queries)
        small, labels = folder / "labelled.db", labelled()
        indexed(small, labels)
        with closing(SearchReader(small)) as reader:
            right = {mode: round(precision(reader, labels, mode), 3) for mode in MODES}
            print(f"\nprecision at 10: {right}")


if __name__ == "__main__":
    main()
