"""A workspace's cell as the routes use it: ask the read models, follow the log, carry out commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from events.ids import PEOPLE, StreamName
from projections.engine.store import StoreReader
from projections.engine.transaction import ReadSnapshot
from vapora import clock
from vapora.api.live_feed import LiveFeed
from vapora.api.request_metrics import RequestMetrics
from vapora.blobs import open_blobs
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretEvents, SecretStore
from vapora.errors import BehindError, LogError
from vapora.log.client import LogClient
from vapora.ports import ActorSystemPort
from vapora.settings import Settings
from vapora.vault import Vault, open_vault

WAIT_S = 5.0
# Readers of SQLite beyond the number of cores only wait for each other.
_READERS = 8
# Folding the log up to a past moment may take seconds; it must not take the threads of those who ask about today.
_HISTORIANS = 2

# An idle cell may sleep, so that it is opened now and again; with each request it would cost every answer a call
# to another process.
_OPEN_FOR_S = 5.0

T = TypeVar("T")


class Cell:
    """One workspace, seen from this replica."""

    def __init__(
        self, workspace: str, system: ActorSystemPort, settings: Settings, request_metrics: RequestMetrics, vault: Vault
    ) -> None:
        self.workspace = workspace
        self.log = LogClient(system.log(workspace), workspace)
        self.dispatcher = Dispatcher(self.log, clock.now, settings.stream_snapshots(workspace))
        self._secret_events = SecretEvents(self.log, clock.now, settings.stream_snapshots(workspace))
        self.secrets = SecretStore(workspace, vault, self._secret_events)
        self.budgets = system.budgets(workspace)
        self.projector = system.projector(workspace)
        self.blobs = open_blobs(settings.blobs_url, settings.blob_folder(workspace), workspace)
        self.queue = system.queue(workspace)
        self.repositories = system.repositories(workspace)
        self.feed = LiveFeed(workspace, self.projector)
        self.historians = CapacityLimiter(_HISTORIANS)
        self._request_metrics = request_metrics
        self._reader = StoreReader(system.read_store(workspace))
        self._readers = CapacityLimiter(_READERS)

    async def read(self, question: Callable[[ReadSnapshot], T]) -> T:
        """Ask the read models as they are now. Everything asked in one question is of one moment."""
        return await to_thread.run_sync(self._ask, question, limiter=self._readers)

    async def find(self, stream: StreamName, question: Callable[[ReadSnapshot], T | None]) -> T | None:
        """As `read`; for a thing that the log knows and the read models do not yet, it waits for them."""
        found = await self.read(question)
        if found is None:
            position = await self.log.last_position(stream)
            if position:
                await self.wait_for(position)
                found = await self.read(question)
        return found

    async def wait_for(self, position: int) -> None:
        """Until the read models have passed `position`; `BehindError` after 5 seconds."""
        reached = await self.projector.wait_for(position, WAIT_S)
        if reached < position:
            raise BehindError(
                f"The read models are at position {reached}, not yet at {position}.",
                remedy="Ask again with the same `after`; if it stays so, see /health.",
                position=reached,
            )

    def history(self) -> AbstractContextManager[ReadSnapshot]:
        """Rows of one moment for as long as a look into the past takes; use it in threads of `historians`."""
        return self._reader.snapshot()

    async def close(self) -> None:
        await self.feed.close()
        await self.dispatcher.settled()
        await self._secret_events.settled()
        self._reader.close()

    def _ask(self, question: Callable[[ReadSnapshot], T]) -> T:
        begun = perf_counter()
        try:
            with self._reader.snapshot() as rows:
                return question(rows)
        finally:
            self._request_metrics.read(perf_counter() - begun)


class Cells:
    """The cells that this replica has been asked about."""

    def __init__(self, system: ActorSystemPort, settings: Settings, request_metrics: RequestMetrics) -> None:
        self.system = system
        self._settings = settings
        self._request_metrics = request_metrics
        self._vault = open_vault(settings)
        self._cells: dict[str, Cell] = {}
        self._people: Cell | None = None
        self._ask_again_at: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        # Logs that could not be opened when that was last tried, and why.
        self.unopened: dict[str, LogError] = {}

    async def open(self, workspace: str) -> Cell:
        """`NotFoundError` for a workspace that does not exist."""
        if perf_counter() >= self._ask_again_at.get(workspace, 0.0):
            await self._ask(workspace)
            self._ask_again_at[workspace] = perf_counter() + _OPEN_FOR_S
        if workspace not in self._cells:
            self._cells[workspace] = Cell(workspace, self.system, self._settings, self._request_metrics, self._vault)
        return self._cells[workspace]

    @property
    def people(self) -> Cell:
        """What is read of the people log as of a workspace's: its audit trail. Nothing else of a cell is there."""
        if self._people is None:
            self._people = Cell(PEOPLE, self.system, self._settings, self._request_metrics, self._vault)
        return self._people

    async def _ask(self, workspace: str) -> None:
        """One question at a time. It goes on where the one who asked gives up: a log that another process holds says
        so after 5 s, and a probe waits for 3."""
        asking = self._asking.get(workspace)
        if asking is None:
            asking = self._asking[workspace] = asyncio.create_task(self._open(workspace))
            asking.add_done_callback(lambda done: self._asked(workspace, done))
        await asyncio.shield(asking)

    async def _open(self, workspace: str) -> None:
        await self.system.open(workspace)

    def _asked(self, workspace: str, done: asyncio.Task[None]) -> None:
        del self._asking[workspace]
        error = None if done.cancelled() else done.exception()
        if isinstance(error, LogError):
            self.unopened[workspace] = error
        else:
            self.unopened.pop(workspace, None)

    @property
    def opened(self) -> tuple[Cell, ...]:
        return tuple(self._cells.values())

    async def close(self) -> None:
        for cell in (*self.opened, *([] if self._people is None else [self._people])):
            await cell.close()
        self._cells.clear()
        self._people = None
        for asking in self._asking.values():
            asking.cancel()
        self._vault.close()
