"""A workspace's cell as the routes use it: ask the read models, follow the log, carry out commands."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from time import perf_counter
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from events.ids import PEOPLE, StreamName
from projections import settings as model
from projections.engine.store import StoreReader
from projections.engine.transaction import ReadSnapshot
from vapora import clock
from vapora.api.live_feed import LiveFeed
from vapora.api.metrics import WorkspaceState
from vapora.api.request_metrics import RequestMetrics
from vapora.blobs import blobs_of
from vapora.dispatch import Dispatcher
from vapora.dispatch.packages import PackageCommands
from vapora.dispatch.secrets import SecretEvents, SecretStore
from vapora.dispatch.workflows import WorkflowCommands
from vapora.errors import BehindError, LogError, NotFoundError, UnavailableError, VaultError
from vapora.knowledge import IndexedRuns
from vapora.llm.catalogue import Catalogue, installed
from vapora.log.client import LogClient
from vapora.marketplace import Shelf
from vapora.ports import ActorSystemPort, QuestionVector, RouterStatusPort
from vapora.search import SearchReader
from vapora.settings import Settings
from vapora.vault import Vault, open_vault

WAIT_S = 5.0
# Readers of SQLite beyond the number of cores only wait for each other.
_READERS = 8
# Folding the log up to a past moment may take seconds; it must not take the threads of those who ask about today.
_HISTORIANS = 2

# An idle cell may sleep, so that it is opened now and again; with each request it would cost every answer a call
# to another process. It is always less than a cell's idle time at its default, and where it is not, the next call wakes
# the cell as well.
_OPEN_FOR_S = 5.0
# Cells that a replica keeps connections for; beyond that, those go that were not asked about for longest.
_MOST = 200
_SWEEP_S = 10.0

T = TypeVar("T")


def _require(reached: int, position: int, those: str) -> None:
    if reached < position:
        raise BehindError(
            f"{those} at position {reached}, not yet at {position}.",
            remedy="Ask again with the same `after`; if it stays so, see /health.",
            position=reached,
        )


async def rehearses(router: RouterStatusPort, workspace: str) -> bool:
    """Whether the rehearsal model answers a workspace, of an installation that has no key: one of its own may be in the
    vault. Where that does not answer, real money is expected."""
    try:
        return await router.is_simulated(workspace)
    except (UnavailableError, VaultError):
        return False


class Cell:
    """One workspace, seen from this replica."""

    def __init__(
        self, workspace: str, system: ActorSystemPort, settings: Settings, request_metrics: RequestMetrics, vault: Vault
    ) -> None:
        self.workspace = workspace
        self.log = LogClient(system.log(workspace), workspace)
        self.dispatcher = Dispatcher(
            self.log, clock.now, settings.stream_snapshots(workspace), built_in=system.built_in_tool_servers()
        )
        self._secret_events = SecretEvents(self.log, clock.now, settings.stream_snapshots(workspace))
        self.secrets = SecretStore(workspace, vault, self._secret_events)
        self.budgets = system.budgets(workspace)
        self.projector = system.projector(workspace)
        self.blobs = blobs_of(settings, workspace)
        self.queue = system.queue(workspace)
        self.repositories = system.repositories(workspace)
        self.workflow_engine = system.workflow_engine(workspace)
        self.webhooks = system.webhooks(workspace)
        self.channels = system.channels(workspace)
        self.tools = system.tools()
        self.trackers = system.trackers(workspace)
        self.workflows = WorkflowCommands(self.log, clock.now)
        self.packages = PackageCommands(self.log, clock.now, self.blobs, system.built_in_tool_servers())
        self.shelf = Shelf(
            settings.package_folder(workspace), settings.package_sources, settings.package_copies, os.environ
        )
        self.workflow_folder = settings.workflow_folder(workspace)
        self._router = system.router()
        self.feed = LiveFeed(workspace, self.projector)
        self.historians = CapacityLimiter(_HISTORIANS)
        self.used_at = perf_counter()
        self._held = 0
        self._request_metrics = request_metrics
        # Projects whose rows are left out of what is read.
        self.hidden: frozenset[str] = frozenset()
        self.whole = self
        self._reader = StoreReader(system.read_store(workspace))
        self._searcher = SearchReader(system.search_index(workspace))
        self._settings = settings
        self.likeness = IndexedRuns(self._searcher)
        self._readers = CapacityLimiter(_READERS)

    def without(self, hidden: frozenset[str]) -> Cell:
        """The same, for who may not read these projects: `read` and `find` leave out what belongs to them. The past,
        the search index and the log are not narrowed. `whole` is the cell that nothing is left out of."""
        if not hidden:
            return self
        narrowed = copy(self)
        narrowed.hidden = hidden
        return narrowed

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
        _require(reached, position, "The read models are")

    async def search(self, question: Callable[[SearchReader], T]) -> T:
        """Ask the search index as it is now."""
        return await to_thread.run_sync(question, self._searcher, limiter=self._readers)

    async def vector_of(self, question: str) -> QuestionVector:
        """The question's, where a provider makes the vectors of the workspace; without it search goes by the words."""
        chosen = await self.read(model.settings)
        if ":" not in ((chosen and chosen.search_vectors) or self._settings.search_vectors):
            return QuestionVector()
        try:
            return await self.projector.vector_of(question)
        except UnavailableError as error:
            return QuestionVector(reason=str(error))

    def catalogue(self) -> Catalogue:
        """The models that there are, as the installation's files have them now."""
        return installed(self._settings)

    async def wait_for_search(self, position: int) -> None:
        """As `wait_for`, of the search index."""
        _require(await self.projector.search_wait_for(position, WAIT_S), position, "The search index is")

    def history(self) -> AbstractContextManager[ReadSnapshot]:
        """Rows of one moment for as long as a look into the past takes; use it in threads of `historians`."""
        return self._reader.snapshot()

    async def rehearses(self) -> bool:
        """Whether the rehearsal model answers this workspace, of an installation that has no key."""
        return await rehearses(self._router, self.workspace)

    @contextmanager
    def held(self) -> Iterator[None]:
        """For whoever needs it for long without asking: a live socket."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self.used_at = perf_counter()

    @property
    def in_use(self) -> bool:
        return self._held > 0 or self.feed.subscribers > 0

    async def let_go(self) -> None:
        """Give back connections and folds. Who has it in hand still goes on with it."""
        await self.dispatcher.settled()
        await self._secret_events.settled()
        self._reader.close()
        self._searcher.close()

    async def close(self) -> None:
        await self.feed.close()
        await self.let_go()

    def _ask(self, question: Callable[[ReadSnapshot], T]) -> T:
        begun = perf_counter()
        try:
            with self._reader.snapshot(self.hidden) as rows:
                return question(rows)
        finally:
            self._request_metrics.read(perf_counter() - begun)


class Cells:
    """The cells that this replica has been asked about lately. What nobody asks about keeps no connection, no follower
    and no fold here, whether its actors sleep or not."""

    def __init__(self, system: ActorSystemPort, settings: Settings, request_metrics: RequestMetrics) -> None:
        self.system = system
        self._settings = settings
        self._request_metrics = request_metrics
        self._vault = open_vault(settings)
        self._cells: OrderedDict[str, Cell] = OrderedDict()
        self._sweeping: asyncio.Task[None] | None = None
        self._people: Cell | None = None
        self._ask_again_at: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        # What was said last of the queue, and of cells that sleep now.
        self.queue = ""
        self._last_states: OrderedDict[str, WorkspaceState] = OrderedDict()
        # Logs that could not be opened when that was last tried, and why.
        self.unopened: dict[str, LogError] = {}

    async def open(self, workspace: str) -> Cell:
        """Wakes it where it sleeps. `NotFoundError` for a workspace that does not exist."""
        if perf_counter() >= self._ask_again_at.get(workspace, 0.0):
            try:
                await self._ask(workspace)
            except NotFoundError:
                await self._drop(workspace)
                raise
            self._ask_again_at[workspace] = perf_counter() + _OPEN_FOR_S
        cell = self.look(workspace)
        cell.used_at = perf_counter()
        return cell

    def look(self, workspace: str) -> Cell:
        """The cell without waking it, and without keeping it awake: for who was told how it stands."""
        cell = self._cells.get(workspace)
        if cell is None:
            cell = self._cells[workspace] = Cell(
                workspace, self.system, self._settings, self._request_metrics, self._vault
            )
            if self._sweeping is None or self._sweeping.done():
                self._sweeping = asyncio.create_task(self._sweep(), name="cells: sweep")
        self._cells.move_to_end(workspace)
        return cell

    async def _sweep(self) -> None:
        """For as long as there are any."""
        while self._cells:
            await asyncio.sleep(min(self._settings.cell_idle_s, _SWEEP_S))
            await self.sweep()

    async def sweep(self) -> None:
        """Let go of those that are idle, or too many."""
        idle_since = perf_counter() - self._settings.cell_idle_s
        for workspace, cell in list(self._cells.items()):
            if not cell.in_use and (cell.used_at < idle_since or len(self._cells) > _MOST):
                await self._drop(workspace)

    async def _drop(self, workspace: str) -> None:
        self._ask_again_at.pop(workspace, None)
        cell = self._cells.pop(workspace, None)
        if cell is not None:
            await cell.let_go()

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

    def last_states(self, awake: Collection[str], states: Iterable[WorkspaceState]) -> list[WorkspaceState]:
        """Keeps these, and gives those of cells that are not awake any more."""
        for state in states:
            self._last_states[state.workspace] = state
            self._last_states.move_to_end(state.workspace)
        while len(self._last_states) > _MOST:
            self._last_states.popitem(last=False)
        return [state for workspace, state in self._last_states.items() if workspace not in awake]

    @property
    def opened(self) -> tuple[Cell, ...]:
        return tuple(self._cells.values())

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        for cell in (*self.opened, *([] if self._people is None else [self._people])):
            await cell.close()
        self._cells.clear()
        self._people = None
        for asking in self._asking.values():
            asking.cancel()
        self._vault.close()
