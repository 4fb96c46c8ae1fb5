"""The supervisor: opens cells, looks after them, and says how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import structlog

from actors import kinds
from actors.follower import Ticker
from actors.runtime.base import Address, Runtime
from events.ids import DEFAULT_WORKSPACE, is_workspace
from vapora.errors import VaporaError, no_such_workspace


class Supervisor:
    """`known()` names the workspaces that were there before; `prepare(workspace)` writes a new log's first events;
    `parts` are the kinds that a cell consists of.

    A call to an actor that is gone starts it again, so asking how a cell is, is also what keeps it alive.
    """

    def __init__(
        self,
        runtime: Runtime,
        known: Callable[[], Collection[str]],
        prepare: Callable[[str], Awaitable[None]],
        *,
        interval_s: float,
        parts: tuple[str, ...] | None = None,
    ) -> None:
        self._parts = parts or kinds.residents()
        self._runtime = runtime
        self._known = known
        self._prepare = prepare
        self._cells: dict[str, dict[str, Any]] = {}
        self._closed: dict[str, str] = {}  # cells that could not be opened, and why
        self._opening = asyncio.Lock()
        self._ticker = Ticker("supervisor", self._look_after, interval_s)
        self._journal = structlog.get_logger("supervisor")

    async def start(self) -> None:
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()

    async def health(self) -> dict[str, Any]:
        return {"problem": self._ticker.problem, "cells": self._cells, "closed": self._closed}

    async def open(self, workspace: str) -> None:
        """Make the workspace's cell run. The default workspace is made with the first call."""
        if workspace in self._cells:
            return
        if workspace != DEFAULT_WORKSPACE and workspace not in await self._names():
            raise no_such_workspace(workspace)
        async with self._opening:
            if workspace not in self._cells:
                await self._prepare(workspace)
                self._cells[workspace] = await self._state_of(workspace)

    async def cells(self) -> dict[str, dict[str, Any]]:
        """How each part of each open cell is, asked now."""
        await self._look_after()
        return self._cells

    async def _look_after(self) -> None:
        """Also those that were open before a restart: their data is there. One that is ill does not keep the
        others."""
        self._closed = {}
        for workspace in sorted(await self._names() | self._cells.keys()):
            try:
                await self.open(workspace)
                self._cells[workspace] = await self._state_of(workspace)
            except VaporaError as error:
                self._journal.warning("cell not opened", workspace=workspace, error=str(error))
                self._closed[workspace] = str(error)

    async def _names(self) -> set[str]:
        # In a thread: a database may take its time to answer.
        known = await asyncio.to_thread(self._known)
        return {name for name in known if is_workspace(name)}

    async def _state_of(self, workspace: str) -> dict[str, Any]:
        states = await asyncio.gather(*(self._ask(Address(kind, workspace)) for kind in self._parts))
        return dict(zip(self._parts, states, strict=True))

    async def _ask(self, address: Address) -> dict[str, Any]:
        try:
            state: dict[str, Any] = await self._runtime.ref(address).health()
        except Exception as error:  # the actor's or the transport's: shown, and the other parts are asked as well
            self._journal.warning("not well", actor=str(address), error=str(error))
            return {"problem": f"{type(error).__name__}: {error}"}
        return state
