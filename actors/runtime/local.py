"""The local transport: every object in this process, every call an ordinary await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

import structlog

from actors import kinds
from actors.runtime.base import Actor, Address, Builder, Runtime
from actors.runtime.freed import FreedMemory
from vapora import journal
from vapora.errors import EndingError, StoppingError
from vapora.observability import live

# A cell is put to sleep and woken, and once more; whoever meets that more often is told.
_TRIES = 3
# What it takes at most to close a cell, mostly.
_RETRY_AFTER_S = 2


class ClosedError(EndingError):
    """Everything here is ending: nothing is started any more."""


def cell_closes(workspace: str) -> EndingError:
    """What is told to who calls an actor of a cell that is handed over, in the moment in which it stops."""
    return EndingError(
        f"The workspace '{workspace}' is being closed here.",
        remedy="Ask again in a moment: whoever serves it then answers.",
        retry_after_s=_RETRY_AFTER_S,
    )


class LocalRef:
    """Looks like the actor; starts it with the first call."""

    def __init__(self, runtime: LocalRuntime, address: Address) -> None:
        self._runtime = runtime
        self._address = address

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("__"):
            raise AttributeError(method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._runtime.call(self._address, method, args, kwargs)

        return call


class LocalRuntime:
    """Actors in one process and one event loop: unit tests, simulation, tiny installations."""

    def __init__(self, build: Builder, freed: FreedMemory | None = None) -> None:
        self._build = build
        self._freed = freed or FreedMemory()
        # Workspaces that are being closed for good: of them nobody is started any more.
        self._leaving: set[str] = set()
        self._actors: dict[Address, asyncio.Task[Actor]] = {}
        self._stopping: dict[Address, asyncio.Task[None]] = {}
        self._closed = False
        self._discarded: set[asyncio.Future[None]] = set()
        # Inside a Ray host, objects look for others in the whole cluster.
        self.seen_by_actors: Runtime = self

    def ref(self, address: Address) -> Any:
        return LocalRef(self, address)

    async def call(self, address: Address, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call the actor; one that was stopped before it began is started again, and called again."""
        tries = _TRIES if kinds.may_repeat(address.kind, method) else 1
        while True:
            actor = await self.activate(address)
            tries -= 1
            try:
                with journal.within(address.fields), live.actor_call(address.kind, method):
                    return await getattr(actor, method)(*args, **kwargs)
            except StoppingError:
                # Of another one that it asked itself, or on its own account: that is its answer.
                if not tries or self._closed or self._is_running(address, actor):
                    raise

    def _is_running(self, address: Address, actor: Actor) -> bool:
        task = self._actors.get(address)
        return task is not None and task.done() and not task.cancelled() and task.result() is actor

    async def activate(self, address: Address) -> Actor:
        """The running actor. Callers that come while it starts wait for the same start."""
        task = self._actors.get(address)
        if task is None:
            if self._closed:
                raise ClosedError(f"{address} is not started any more: everything is shutting down.")
            if address.workspace in self._leaving:
                raise cell_closes(address.workspace)
            task = asyncio.ensure_future(self._start(address, self._stopping.get(address)))
            self._actors[address] = task
        # Mostly it runs already, and each call comes by here.
        if task.done() and not task.cancelled():
            return task.result()
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if not task.cancelled() or (caller is not None and caller.cancelling()):
                raise
            # Its start was given up, by whoever wants it to begin anew; who waited for it was not.
            raise StoppingError(f"{address} was ended while it started.", remedy="Ask again.") from None

    async def _start(self, address: Address, before: asyncio.Task[None] | None) -> Actor:
        try:
            # One address, one actor: two would do the same work, or fence each other off.
            if before is not None:
                await asyncio.wait([before])
            # What it begins here goes on for all, not for whoever called it first.
            with live.anew(**address.fields):
                actor = self._build(address, self.seen_by_actors)
                await actor.start()
        except BaseException:
            # A start that failed must not stand in the way of the next try.
            if self._actors.get(address) is asyncio.current_task():
                del self._actors[address]
            raise
        return actor

    def running(self) -> list[Address]:
        return list(self._actors)

    async def stop(self, address: Address) -> None:
        task = self._actors.pop(address, None)
        if task is None:
            if (leaving := self._stopping.get(address)) is not None:
                await asyncio.wait([leaving])
            return
        leaving = asyncio.ensure_future(self._stop(address, task))
        self._stopping[address] = leaving
        await asyncio.shield(leaving)

    async def discard(self, address: Address) -> None:
        """Its tasks are ended behind its back: what never comes to an end keeps nobody from starting it again."""
        task = self._actors.pop(address, None)
        if task is not None:
            leaving = asyncio.ensure_future(self._leave(address, task))
            self._discarded.add(leaving)
            leaving.add_done_callback(self._discarded.discard)

    async def _leave(self, address: Address, task: asyncio.Task[Actor]) -> None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is None:
            try:
                await task.result().stop()
            except Exception:
                structlog.get_logger("runtime").exception("did not stop well", actor=str(address))

    async def _stop(self, address: Address, starting: asyncio.Task[Actor]) -> None:
        try:
            await asyncio.wait([starting])
            if not starting.cancelled() and starting.exception() is None:
                await starting.result().stop()
        finally:
            if self._stopping.get(address) is asyncio.current_task():
                del self._stopping[address]

    async def close_cell(self, workspace: str, only: Collection[str] | None = None, *, for_good: bool = False) -> None:
        if for_good:
            self._leaving.add(workspace)
        try:
            for kind in kinds.of_cells(only):
                for address in [one for one in self._actors if (one.kind, one.workspace) == (kind.name, workspace)]:
                    await self._stop_anyhow(address)
        finally:
            self._leaving.discard(workspace)
        if only is None:
            self._freed.soon()

    async def stop_kinds(self, names: Collection[str]) -> None:
        """End all actors of these kinds, one kind after the other, in the table's order."""
        for kind in (one.name for one in kinds.in_stop_order() if one.name in names):
            await asyncio.gather(*(self._stop_anyhow(one) for one in list(self._actors) if one.kind == kind))

    async def shutdown(self) -> None:
        """End every actor; one that does not stop well does not keep the others."""
        self._closed = True
        self._freed.close()
        await self.stop_kinds(kinds.KINDS)

    async def _stop_anyhow(self, address: Address) -> None:
        try:
            await self.stop(address)
        except Exception:
            structlog.get_logger("runtime").exception("did not stop well", actor=str(address))
