"""How long a look into the past takes, over HTTP, in a long log: board, budgets and agents at positions and instants.

    PYTHONPATH=. python -m benchmarks.past [events]        # 100000 unless said otherwise

Shown is the slowest of three askings; the first one of each pays for cold caches.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from actors.log_writer import LogWriter
from benchmarks.synthetic import START, WORKSPACE, write
from events.ids import PEOPLE
from projections import ReadStore, Rebuild, all_projections
from projections.engine.history import HistoryKeeper
from projections.engine.history_sql import past_of
from projections.engine.transaction import ReadSnapshot
from vapora.api.app import create_app
from vapora.log.mapper import LazyRecord
from vapora.log.sqlite import SQLiteLog
from vapora.ports import Standing
from vapora.settings import Settings
from vapora.testing.nobody import Nobody

_SHARES = (0.01, 0.1, 0.5, 0.9, 0.99, 1.0)


class Archive:
    """An actor system of nobody: a log, and rows."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.writer = LogWriter(lambda: SQLiteLog.open(settings.log_file(WORKSPACE), WORKSPACE))

    async def open(self, workspace: str) -> None:
        pass

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        return "awake", Standing()

    async def create(self, workspace: str) -> None:
        raise NotImplementedError

    async def archive(self, workspace: str) -> None:
        raise NotImplementedError

    async def restore(self, workspace: str) -> None:
        raise NotImplementedError

    async def delete(self, workspace: str) -> str:
        raise NotImplementedError

    def log(self, workspace: str) -> Any:
        return Nobody() if workspace == PEOPLE else self.writer

    def identity(self) -> Any:
        return Nobody()

    def budgets(self, workspace: str) -> Any:
        return None

    def projector(self, workspace: str) -> Any:
        return None

    def queue(self, workspace: str) -> Any:
        return None

    def repositories(self, workspace: str) -> Any:
        return None

    def webhooks(self, workspace: str) -> Any:
        return None

    def channels(self, workspace: str) -> Any:
        return None

    def trackers(self, workspace: str) -> Any:
        return None

    def workflow_engine(self, workspace: str) -> Any:
        return None

    def tools(self) -> Any:
        return None

    def built_in_tool_servers(self) -> tuple[str, ...]:
        return ()

    def router(self) -> Any:
        return Nobody()

    def search_index(self, workspace: str) -> Path:
        return self._settings.read_file(workspace).with_name("search.db")

    def read_store(self, workspace: str) -> Path:
        return self._settings.read_file(workspace)


def _build(settings: Settings) -> None:
    log, store = SQLiteLog.open_for_reading(settings.log_file(WORKSPACE)), ReadStore(settings.read_file(WORKSPACE))
    head = log.head()
    for projection in all_projections():
        if not projection.KEEPS_HISTORY:
            continue
        rebuild, after = Rebuild.begin(store, projection), 0
        while after < head:
            found = log.after(after, 2_000, tuple(sorted(projection.TOPICS or ())), head)
            after = head if len(found) < 2_000 else found[-1].position
            rebuild.feed(list(map(LazyRecord, found)), after)
        rebuild.switch()
        with store.snapshot() as rows:
            _tell_kept(rows, projection)
    store.close()
    log.close()


def _tell_kept(rows: ReadSnapshot, projection: Any) -> None:
    generation = rows.checkpoints()[projection.NAME].generation
    moments = HistoryKeeper(rows._connection, projection, generation).moments()
    count = rows._connection.execute
    now, kept = 0, 0
    for table in projection.TABLES:
        stored = table.of(generation)
        now += count(f"SELECT COUNT(*) FROM {stored.name}").fetchone()[0]
        kept += count(f"SELECT COUNT(*) FROM {past_of(stored).name}").fetchone()[0]
    print(f"{projection.NAME}: {len(moments)} moments kept, {now:,} rows now, {kept:,} versions of the past")


async def _ask(settings: Settings, events: int) -> None:
    archive = Archive(settings)
    await archive.writer.start()
    app = create_app(archive, settings, "0", True)
    transport = httpx.ASGITransport(app)
    print("\n| at | board | budgets | agents |\n|---|---:|---:|---:|")
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", timeout=600) as http:
        for share in _SHARES:
            position = int(events * share)
            instant = (START + timedelta(seconds=position)).isoformat().replace("+00:00", "Z")
            for at, shown in ((str(position), f"position {position:,}"), (instant, f"instant {instant}")):
                times = [await _slowest(http, f"/api/v1/{noun}", at) for noun in ("board", "budgets", "agents")]
                print(f"| {shown} | " + " | ".join(f"{one * 1_000:,.0f} ms" for one in times) + " |", flush=True)
    await app.state.cells.close()
    await archive.writer.stop()


async def _slowest(http: httpx.AsyncClient, path: str, at: str) -> float:
    slowest = 0.0
    for _ in range(3):
        begun = time.perf_counter()
        answer = await http.get(path, params={"at": at})
        slowest = max(slowest, time.perf_counter() - begun)
        if answer.status_code != 200:
            raise SystemExit(answer.text)
    return slowest


def main(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        write(settings, events)
        _build(settings)
        log, rows = (
            file.stat().st_size / 2**20 for file in (settings.log_file(WORKSPACE), settings.read_file(WORKSPACE))
        )
        print(f"{events:,} events: log {log:,.0f} MiB, board, budgets and agents with their past {rows:,.0f} MiB")
        asyncio.run(_ask(settings, events))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
