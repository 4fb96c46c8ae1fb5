"""Requests to one stream: decided together, appended in one call, answered once they stand.

Requests that come while an append is under way are the next round. Each takes effect alone, but is decided on a state
that holds the decisions before it, in the hope that they will stand. Where one of them is refused, that hope was wrong:
the state is read again before anything else is decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Generic

import structlog

from actors.budget_manager.requests import Decided, Request, Round, State
from actors.follower import cancel
from events import DomainEvent
from events.ids import StreamName
from vapora.clock import Clock
from vapora.errors import (
    ConflictError,
    EndingError,
    HeldElsewhereError,
    StoppingError,
    UnavailableError,
    VersionConflictError,
)
from vapora.log.client import LogClient
from vapora.log.folds import LoadedFold, SavedFold
from vapora.records import Append, Appended, AppendResult, Conflict

_PAUSE_S = 0.2


class StreamDecider(Generic[State]):
    """`gives_back(event)`: whether an event may be what somebody waits for."""

    def __init__(
        self,
        name: str,
        log: LogClient,
        stream: StreamName,
        fold: tuple[Callable[[], State], Callable[[State, DomainEvent], State]],
        clock: Clock,
        gives_back: Callable[[DomainEvent], bool],
        saved: SavedFold[State] | None = None,
    ) -> None:
        self._name = name
        self._log = log
        self._stream = stream
        self._initial, self._evolve = fold
        self._clock = clock
        self._gives_back = gives_back
        self._saved = saved
        self.state = self._initial()
        self.problem: str | None = None
        self._version = 0
        self._position = 0
        self._stale = True
        self._numbers = count()
        self._pending: list[Request[State]] = []  # in the order in which they came
        self._in_flight: list[Request[State]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger(name)

    @property
    def waiting(self) -> int:
        """How many wait for others, or for their turn."""
        return len(self._pending)

    @property
    def is_busy(self) -> bool:
        return bool(self._pending or self._in_flight)

    async def start(self) -> None:
        await self._reload()
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Whoever is not answered hears that; what was being appended may stand all the same."""
        task, self._task = self._task, None
        await cancel(task)
        for request in (*self._in_flight, *self._pending):
            request.fail(StoppingError(f"{self._name} is stopping.", remedy="Ask again once it has started."))
        self._pending.clear()
        # Between two rounds the state is what the log says; in the middle of one it may hold hopes.
        if self._saved is not None and not self._stale and not self._in_flight:
            await self._saved.close(self._log, self.state, self._position, self._version)

    async def submit(self, request: Request[State]) -> Any:
        """The answer to the request, once what it leads to stands in the log."""
        if self._task is None:
            raise StoppingError(f"{self._name} does not run.", remedy="Ask again once it has started.")
        request.number = next(self._numbers)
        if request.give_up is not None:
            later = asyncio.get_running_loop().call_later
            request.timer = later(request.patience_s, self._lose_patience, request)
        self._pending.append(request)
        self._wake.set()
        try:
            # Shielded: a caller that goes away does not undo a decision that is being committed.
            return await asyncio.shield(request.reply)
        except asyncio.CancelledError:
            if request.give_up is not None and request in self._pending:
                self._pending.remove(request)  # it would take what nobody is there to use
                self._wake.set()  # those behind it are asked again
            raise

    # --- deciding ---

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._is_current():
                await self._commit(self._decide_all())
                self._save()

    async def _is_current(self) -> bool:
        """Whether there is a state to decide on; who waits for one that cannot be read is told so."""
        if not self._stale:
            return True
        try:
            await self._reload()
        except Exception as error:  # whatever it is, those who wait must hear of it
            self.problem = f"{type(error).__name__}: {error}"
            pending, self._pending = self._pending, []
            for request in pending:
                request.fail(error)
            return False
        return True

    def _decide_all(self) -> Round[State]:
        """No await in here: the state must not move, and nobody may lose patience, between two decisions."""
        requests, self._pending = self._pending, []
        current = Round(self.state, self._clock())
        while requests and not self._stale:
            request = requests.pop(0)
            try:
                self._decide(request, current)
            except ConflictError as error:
                if request.looked_again:
                    request.fail(error)
                else:
                    # Perhaps somebody else has written to the stream, as one of us that lingers would.
                    request.looked_again = self._stale = True
                    requests.insert(0, request)
            except Exception as error:  # the caller's, whatever it is: the others go on
                request.fail(error)
        self._pending = [*current.waiting, *requests]
        self._in_flight = [sent[0] for sent in current.sent] + [echo[0] for echo in current.echoes]
        return current

    def _decide(self, request: Request[State], current: Round[State]) -> None:
        blocked = set(current.blocked)
        decided = request.decide(current)
        if decided is None:
            if request.impatient and request.give_up is not None:
                current.blocked = blocked  # it does not wait, so it keeps nobody
                request.answer(request.give_up())
            else:
                current.waiting.append(request)
            return
        # Until all of it is packed: half a decision in the state would be one that nobody appends.
        self._stale = True
        self._fold(decided.events, current)
        if decided.then is not None:
            rest = decided.then()
            self._fold(rest.events, current)
            decided = Decided((*decided.events, *rest.events), rest.along, rest.answer)
        if decided.events or any(events for _, _, events in decided.along):
            change = (self._stream, self._version, decided.events)
            append = self._log.request(request.origin, *decided.before, change, *decided.along)
            self._version += len(decided.events)
            current.sent.append((request, decided, append))
        else:
            current.echoes.append((request, decided))
        self._stale = False

    def _fold(self, events: tuple[DomainEvent, ...], current: Round[State]) -> None:
        for event in events:
            self.state = current.state = self._evolve(self.state, event)

    def _lose_patience(self, request: Request[State]) -> None:
        """It is asked once more, since others may give up in the same moment."""
        request.impatient = True
        self._wake.set()

    # --- committing ---

    async def _commit(self, current: Round[State]) -> None:
        again: list[Request[State]] = []
        try:
            results = await self._append([append for *_, append in current.sent])
        except Exception as error:  # whatever it is, those who wait must hear of it
            self._stale = True
            for request in self._in_flight:
                request.fail(error)
        else:
            for (request, decided, _), result in zip(current.sent, results, strict=True):
                self._conclude(request, decided, result, again)
            for request, decided in current.echoes:
                if self._stale:
                    again.append(request)
                else:
                    request.answer(decided.answer(self._position))
        self._in_flight = []
        self._pending = sorted((*again, *self._pending), key=lambda one: one.number)
        given = any(self._gives_back(event) for _, decided, _ in current.sent for event in decided.events)
        if self._pending and (given or self._stale):
            self._wake.set()

    def _conclude(
        self, request: Request[State], decided: Decided, result: AppendResult, again: list[Request[State]]
    ) -> None:
        if isinstance(result, Appended):
            self._position = max(self._position, result.position)
            request.answer(decided.answer(result.position))
            return
        # What was folded in hope is not what stands: an event refused here shifts all that followed it.
        self._stale = True
        if result.stream == self._stream:
            again.append(request)
        else:
            request.fail(_gone_on(result))

    async def _append(self, appends: Sequence[Append]) -> list[AppendResult]:
        """The same requests again and again until it is known whether they stand: money is not left open."""
        while appends:
            try:
                results = await self._log.append_many(appends)
            except UnavailableError as error:
                await self._pause(error)
            else:
                self.problem = None
                return results
        return []

    async def _reload(self) -> None:
        """Nothing can be promised without it, so there is no giving up while the log is merely away."""
        while True:
            try:
                resumed = await self._fold_stream()
                break
            except EndingError:
                raise  # who ends all of it waits for this start to end
            except HeldElsewhereError:
                raise  # who asks is to go there; waiting here would last for as long as the other serves it
            except UnavailableError as error:
                await self._pause(error)
        self.state, self._version, self._position = resumed.state, resumed.version, resumed.position
        self._stale, self.problem = False, None

    async def _fold_stream(self) -> LoadedFold[State]:
        """From what was saved, where something was, else from the beginning."""
        saved = await self._saved.load(self._log) if self._saved is not None else None
        state, position, version = saved or LoadedFold(self._initial(), 0, 0)
        async for page in self._log.pages(self._stream, version):
            for one in page:
                state = self._evolve(state, one.event)
            position, version = page[-1].position, page[-1].version
        return LoadedFold(state, position, version)

    def _save(self) -> None:
        if self._saved is not None and not self._stale and self._saved.due(self._position):
            self._saved.save_soon(self._log, self.state, self._position, self._version)

    async def _pause(self, error: UnavailableError) -> None:
        self.problem = f"the log does not answer: {error}"
        self._journal.warning("the log does not answer, trying again", error=str(error))
        await asyncio.sleep(_PAUSE_S)


def _gone_on(conflict: Conflict) -> VersionConflictError:
    return VersionConflictError(
        f"{conflict.stream} has gone on.",
        remedy="Read it again and decide anew.",
        stream=conflict.stream,
        version=conflict.version,
    )
