"""The supervisor: opens cells when they are needed, looks after those that are open, and puts the idle ones to sleep.

Whether a cell may sleep is a pure rule (`vapora.domain.cell`). Nothing that was accepted is lost by it: everything that
is accepted goes through a cell's log writer, and a writer that starts tells the supervisor, who opens the rest. So a
call that comes while a cell is being stopped, or that knows nothing of its sleep, wakes it.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any

import structlog

from actors import kinds
from actors.follower import Ticker, cancel
from actors.runtime.base import Address, Runtime
from actors.supervisor.alarm import Alarm
from actors.supervisor.ending import Ending
from actors.supervisor.holding import Holding
from actors.supervisor.idleness import Idleness, now
from actors.supervisor.store import CellStore
from events.ids import DEFAULT_WORKSPACE, PEOPLE, is_workspace
from vapora.clock import Clock
from vapora.domain.cell import CellRecord, LogEnd, Rest, Stay, decide, must_open
from vapora.errors import (
    BadInputError,
    ConflictError,
    HeldElsewhereError,
    NotFoundError,
    VaporaError,
    no_such_workspace,
)
from vapora.log.leases import Alone, Leases
from vapora.ports import Standing

# Workspaces that others have made beside us, by an import.
_LOOK_FOR_NEW_S = 60.0
_AT_ONCE = 8
# What reading takes: an archived workspace has no more than that.
_READERS = ("log", "projector")


class Supervisor:
    """`prepare(workspace)` writes a new log's first events; `parts` are the kinds that a cell consists of. `idle_s`: a
    cell that nobody asks for so long, and that has nothing to do, sleeps.

    A call to an actor that is gone starts it again, so asking how a cell is, is also what keeps it alive.
    """

    def __init__(
        self,
        runtime: Runtime,
        store: CellStore,
        prepare: Callable[[str], Awaitable[None]],
        clock: Clock,
        *,
        interval_s: float,
        idle_s: float,
        parts: tuple[str, ...] | None = None,
        leases: Leases | None = None,
    ) -> None:
        self._parts = parts or kinds.residents()
        self._holding = Holding(leases or Alone())
        self._runtime = runtime
        self._store = store
        self._prepare = prepare
        self._clock = clock
        self._idle_s = idle_s
        self._cells: dict[str, dict[str, Any]] = {}
        self._waking: set[str] = set()
        self._asleep: set[str] = set()
        self._left_people = False
        self._archived: set[str] = set()
        self._closed: dict[str, str] = {}  # cells that could not be opened, or not be removed, and why
        self._why_awake: dict[str, str] = {}
        self._idleness = Idleness()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looked_at = -math.inf
        self._unfinished: set[str] = set()  # what is to be removed still
        self._looking = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm = Alarm(clock, self._ring)
        self._ending = Ending(runtime, store, clock)
        self._ticker = Ticker("supervisor", self._look_after, min(interval_s, max(idle_s / 2, 0.05)))
        self._lease_ticker = Ticker("leases", self._look_at_leases, self._holding.look_again_s)
        self._journal = structlog.get_logger("supervisor")

    async def start(self) -> None:
        self._ticker.start()
        self._lease_ticker.start()
        self._alarm.start()
        self._begin(self._look_for_new(), "look for cells")

    async def stop(self) -> None:
        await self._ticker.stop()
        await self._lease_ticker.stop()
        await self._alarm.stop()
        for task in list(self._tasks):
            await cancel(task)
        await self._holding.resign()

    async def health(self) -> dict[str, Any]:
        standing = (await self.standing())[1]
        return {
            "problem": self._ticker.problem or self._lease_ticker.problem,
            "cells": self._cells,
            "closed": self._closed,
            "asleep": standing.asleep,
            "archived": standing.archived,
            "awake": self._why_awake,
        }

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        known = "awake" if workspace in self._cells else "unknown"
        if known == "unknown" and workspace in self._asleep:
            # Its parts are started one by one, and work may be done before the last of them has answered.
            known = "waking" if workspace in self._waking else "asleep"
        elsewhere = self._holding.elsewhere
        if known != "awake" and workspace in elsewhere:
            known = "elsewhere"
        archived = len(self._archived - self._cells.keys())
        asleep = len(self._asleep - elsewhere)
        return known, Standing(frozenset(self._cells), asleep, archived, dict(self._closed), len(elsewhere))

    async def cells(self) -> dict[str, dict[str, Any]]:
        """How each part of each open cell is, asked now."""
        await self._look_for_new()
        await self._look_after()
        return self._cells

    async def parts(self) -> dict[str, list[Address]]:
        """What runs of each open cell, the writer first: what a process has to start again that held some of them."""
        return {one: [Address(kind, one) for kind in state] for one, state in self._cells.items()}

    # --- opening ---

    async def open(self, workspace: str) -> None:
        """Make the workspace's cell run. The default workspace is made with the first call."""
        if workspace not in self._cells:
            async with self._locks[workspace]:
                if workspace not in self._cells:
                    await self._require(workspace)
                    await self._wake(workspace)
        self._idleness.asked(workspace)

    async def woken(self, workspace: str) -> None:
        """The workspace's log was started by a call of somebody: the rest of the cell is needed as well."""
        if is_workspace(workspace) and workspace not in self._cells and workspace not in self._waking:
            self._begin(self.open(workspace), f"open {workspace}")

    async def create(self, workspace: str) -> None:
        if not is_workspace(workspace):
            raise BadInputError(f"{workspace!r} is not the name of a workspace.")
        async with self._locks[workspace]:
            await self._holding.require(workspace)
            record = await asyncio.to_thread(self._store.record, workspace)
            if record is not None and record.is_gone:
                raise ConflictError(
                    f"There was a workspace '{workspace}', which was deleted.",
                    remedy="Take another id for the new one.",
                )
            if workspace not in self._cells:
                await self._wake(workspace)
        self._idleness.asked(workspace)

    async def _require(self, workspace: str) -> None:
        """Raises `NotFoundError` where there is no such workspace, or not any more."""
        if workspace in self._asleep:
            return
        record = await asyncio.to_thread(self._store.record, workspace) if is_workspace(workspace) else None
        if record is not None and record.is_gone:
            raise NotFoundError(f"The workspace '{workspace}' was deleted.", remedy="Its export is on the server.")
        if record is not None and record.state == "archived":
            self._archived.add(workspace)
        if workspace != DEFAULT_WORKSPACE and workspace not in await self._names():
            # Only what is there keeps a place in memory.
            self._locks.pop(workspace, None)
            raise no_such_workspace(workspace)

    async def _wake(self, workspace: str) -> None:
        """To be called with the cell's lock. Raises `HeldElsewhereError`."""
        await self._holding.require(workspace)
        self._waking.add(workspace)
        try:
            if workspace not in self._archived:
                await self._prepare(workspace)
            state = await self._state_of(workspace)
        except HeldElsewhereError:
            # Somebody was quicker.
            self._holding.elsewhere.add(workspace)
            await self._runtime.close_cell(workspace)
            raise
        finally:
            self._waking.discard(workspace)
        self._holding.elsewhere.discard(workspace)
        self._idleness.begin(workspace, _head(state))
        self._cells[workspace] = state
        self._asleep.discard(workspace)
        self._closed.pop(workspace, None)
        self._alarm.set(workspace, None)

    async def _open_unasked(self, workspace: str) -> None:
        """For what it owes. Where that is nothing it sleeps at once, but for the default one."""
        try:
            async with self._locks[workspace]:
                if workspace in self._cells:
                    return
                await self._wake(workspace)
            if workspace == DEFAULT_WORKSPACE:
                # Where somebody looks first after a start: who opens the board is not to wait for it.
                self._idleness.asked(workspace)
            await self._let_sleep(workspace)
        except HeldElsewhereError:
            self._asleep.discard(workspace)  # what it owes is another one's to know
            self._closed.pop(workspace, None)
        except VaporaError as error:
            self._journal.warning("cell not opened", workspace=workspace, error=str(error))
            self._asleep.discard(workspace)
            self._closed[workspace] = str(error)

    async def _ring(self, workspace: str) -> None:
        if workspace in self._asleep:
            await self._open_unasked(workspace)

    # --- looking after ---

    async def _look_after(self) -> None:
        """One that is ill does not keep the others."""
        if now() - self._looked_at > _LOOK_FOR_NEW_S:
            await self._look_for_new()
        for workspace in list(self._closed):
            await self._open_unasked(workspace)
        await _side_by_side(self._look_at, sorted(self._cells))

    async def _look_at(self, workspace: str) -> None:
        async with self._locks[workspace]:
            if workspace not in self._cells:
                return
            state = self._cells[workspace] = await self._state_of(workspace)
            self._idleness.saw(workspace, _head(state))
        if self._holding.is_shared and state.get("log", {}).get("status") == "fenced":
            # By who took over and is gone again, or by a tool. While the lease is ours, so is the log.
            await self._close_held(workspace)
            await self._open_unasked(workspace)
            return
        await self._let_sleep(workspace)

    async def _look_at_leases(self) -> None:
        """What is another one's now is closed; what has become ours is opened, where it owes something."""
        await self._holding.look()
        if not self._holding.is_shared:
            return
        lost = [one for one in self._cells if not self._holding.is_ours(one)]
        await asyncio.gather(self._look_at_people(), _side_by_side(self._close_held, sorted(lost), len(lost)))
        if free := self._holding.freed():
            self._asleep -= free
            self._looked_at = -math.inf
            await self._look_for_new()

    async def _close_held(self, workspace: str) -> None:
        async with self._locks[workspace]:
            if workspace in self._cells:
                self._journal.info("closed here", workspace=workspace)
                self._forget_open(workspace)
                self._holding.elsewhere.add(workspace)
                await self._runtime.close_cell(workspace, for_good=True)

    async def _look_at_people(self) -> None:
        """The log of people is no cell; who writes to it folds it, and has to begin anew where somebody else did."""
        was_left, self._left_people = self._left_people, not self._holding.is_ours(PEOPLE)
        if self._left_people == was_left:
            fenced = self._holding.holds(PEOPLE) and (await self._ask(Address("log", PEOPLE))).get("status") == "fenced"
            if not fenced:
                return
        await self._runtime.stop(Address("identity"))
        await self._runtime.close_cell(PEOPLE)

    async def _look_for_new(self) -> None:
        """At the start, all that are there: those that may owe something are opened, the others are known to sleep."""
        async with self._looking:
            await self._holding.look_first()
            first, self._looked_at = self._looked_at == -math.inf, now()
            names = await self._names() - self._cells.keys() - self._asleep - self._closed.keys()
            self._holding.elsewhere |= {one for one in names if not self._holding.is_ours(one)}
            names -= self._holding.elsewhere
            if not (first or names or self._unfinished):
                return
            records = await asyncio.to_thread(self._store.records)
            for record in records.values():
                if record.is_gone:
                    names.discard(record.workspace)
                    self._holding.elsewhere.discard(record.workspace)
                    if self._holding.is_ours(record.workspace):
                        await self._finish(record)
                elif record.state == "archived":
                    self._archived.add(record.workspace)
            ends = await asyncio.to_thread(self._store.ends, sorted(names & records.keys()))
            waiting = []
            for workspace in sorted(names):
                known = records.get(workspace)
                if must_open(known, ends.get(workspace, LogEnd(-1)), self._clock()):
                    waiting.append(workspace)
                elif known is not None:
                    self._asleep.add(workspace)
                    self._alarm.set(workspace, known.due)
            await _side_by_side(self._open_unasked, waiting)

    async def _names(self) -> set[str]:
        # In a thread: a database may take its time to answer.
        known = await asyncio.to_thread(self._store.names)
        return {name for name in known if is_workspace(name)}

    async def _state_of(self, workspace: str) -> dict[str, Any]:
        state = await self._states_of(workspace, self._parts_of(workspace))
        if workspace in self._archived:
            return state
        # What only some workspaces need runs from the first question on, as the others do.
        used = [kind for kind in state.get("projector", {}).get("uses", ()) if kind not in state]
        return {**state, **await self._states_of(workspace, used)}

    async def _states_of(self, workspace: str, parts: Iterable[str]) -> dict[str, Any]:
        kinds_ = list(parts)
        states = await asyncio.gather(*(self._ask(Address(kind, workspace)) for kind in kinds_))
        return dict(zip(kinds_, states, strict=True))

    async def _ask(self, address: Address) -> dict[str, Any]:
        try:
            state: dict[str, Any] = await self._runtime.ref(address).health()
        except Exception as error:  # the actor's or the transport's: shown, and the other parts are asked as well
            self._journal.warning("not well", actor=str(address), error=str(error))
            return {"problem": f"{type(error).__name__}: {error}"}
        return state

    def _parts_of(self, workspace: str) -> Iterable[str]:
        return _READERS if workspace in self._archived else self._parts

    # --- sleeping ---

    async def _let_sleep(self, workspace: str) -> None:
        """Put it to sleep where it may. Who asks for it meanwhile waits, and wakes it."""
        if self._idleness.quiet_s(workspace) < self._idle_s:
            return
        async with self._locks[workspace]:
            if workspace not in self._cells:
                return
            try:
                head = await self._runtime.ref(Address("log", workspace)).head()
                parts = {**dict.fromkeys(self._parts_of(workspace)), **self._cells[workspace]}
                asked = (self._runtime.ref(Address(kind, workspace)).rest() for kind in parts)
                rests: list[Rest] = await asyncio.gather(*asked)
            except Exception as error:  # of whatever part: nobody knows then what it still has to do
                self._why_awake[workspace] = f"{type(error).__name__}: {error}"
                return
            decision = decide(rests, self._idleness.quiet_s(workspace), self._idle_s, self._clock())
            if isinstance(decision, Stay):
                self._why_awake[workspace] = decision.why
                return
            # Nothing is waited for between the decision and this: who asks from here on waits for the lock.
            self._forget_open(workspace)
            await self._runtime.close_cell(workspace)
            end = (await asyncio.to_thread(self._store.ends, [workspace])).get(workspace)
            if end is None or end.position != head:
                # Something was accepted while it was being stopped.
                with suppress(HeldElsewhereError):
                    await self._wake(workspace)
                return
            if workspace not in self._archived:
                await self._note(CellRecord(workspace, "asleep", self._clock(), end, decision.due))
            self._asleep.add(workspace)
            self._alarm.set(workspace, decision.due)

    async def _note(self, record: CellRecord) -> None:
        try:
            await asyncio.to_thread(self._store.put, record)
        except VaporaError as error:
            self._journal.warning("its sleep is not noted: the next start opens it", why=str(error))

    def _forget_open(self, workspace: str) -> None:
        self._cells.pop(workspace, None)
        self._why_awake.pop(workspace, None)
        self._idleness.forget(workspace)

    # --- ending ---

    async def archive(self, workspace: str) -> None:
        async with self._locks[workspace]:
            await self._holding.require(workspace)
            await self._require(workspace)
            if workspace not in self._archived:
                await self._ending.settle(workspace, is_open=workspace in self._cells)
                await self._ending.archive(workspace)
                self._archived.add(workspace)
                await self._close(workspace)
                self._asleep.add(workspace)

    async def restore(self, workspace: str) -> None:
        async with self._locks[workspace]:
            await self._holding.require(workspace)
            await self._require(workspace)
            record = await asyncio.to_thread(self._store.record, workspace)
            if record is not None and record.state == "archived":
                await asyncio.to_thread(self._store.forget, workspace)
                self._archived.discard(workspace)
                await self._close(workspace)
                await self._wake(workspace)
        self._idleness.asked(workspace)

    async def delete(self, workspace: str) -> str:
        if workspace == DEFAULT_WORKSPACE:
            raise ConflictError("The default workspace cannot be deleted.", remedy="Archive its cards and projects.")
        async with self._locks[workspace]:
            await self._holding.require(workspace)
            record = await asyncio.to_thread(self._store.record, workspace) if is_workspace(workspace) else None
            if record is None or not record.is_gone:
                await self._require(workspace)
                await self._ending.settle(workspace, is_open=workspace in self._cells)
                before, record = record, await self._ending.begin(workspace)
                await self._close(workspace)
                try:
                    record = await self._ending.save(record, before)
                except Exception:
                    self._asleep.add(workspace)
                    raise
            self._archived.discard(workspace)
            return await self._ending.finish(record)

    async def _close(self, workspace: str) -> None:
        self._forget_open(workspace)
        self._asleep.discard(workspace)
        self._alarm.set(workspace, None)
        self._closed.pop(workspace, None)
        await self._runtime.close_cell(workspace)

    async def _finish(self, record: CellRecord) -> None:
        """What a crash cut off, or came after the end."""
        self._unfinished.add(record.workspace)
        try:
            if await asyncio.to_thread(self._store.is_left, record):
                async with self._locks[record.workspace]:
                    await self._ending.finish(record)
            self._unfinished.discard(record.workspace)
        except Exception as error:  # whatever stands in its way: it is told, and tried again
            self._journal.warning("not removed yet", workspace=record.workspace, error=str(error))

    def _begin(self, work: Any, name: str) -> None:
        task = asyncio.create_task(self._carry_out(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, work: Awaitable[None]) -> None:
        try:
            await work
        except HeldElsewhereError:
            pass  # it is in good hands, and is looked at every second
        except Exception as error:  # whatever it is: it is told, and the next look tries again
            self._journal.warning("did not succeed", error=repr(error))


async def _side_by_side(work: Callable[[str], Awaitable[None]], names: Iterable[str], at_once: int = _AT_ONCE) -> None:
    """A few at a time: enough that one slow cell holds up nobody, few enough that opening all is no storm."""
    left = iter(list(names))

    async def carry_on() -> None:
        for name in left:
            await work(name)

    await asyncio.gather(*(carry_on() for _ in range(at_once)))


def _head(state: dict[str, Any]) -> int:
    return int(state.get("log", {}).get("head", 0))
