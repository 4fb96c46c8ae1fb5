"""How a workspace is archived or deleted: its work stops in good order first, and what is decided is noted before it is
done, so that a crash in between is only a delay."""

from __future__ import annotations

import asyncio

import structlog

from actors.runtime.base import Address, Runtime
from actors.supervisor.store import CellStore
from vapora.clock import Clock
from vapora.domain.cell import CellRecord
from vapora.errors import VaporaError

# Those who begin calls of models; the budget stays, for what the calls that are out have cost.
_BEGINNERS = ("coordinator", "relay", "agent")
# So long calls that are out may take to come home; what comes later is booked at its worst case once the workspace is
# restored, and with a deleted one nobody asks.
_PATIENCE_S = 10.0
_LOOK_S = 0.1


class Ending:
    def __init__(self, runtime: Runtime, store: CellStore, clock: Clock) -> None:
        self._runtime = runtime
        self._store = store
        self._clock = clock
        self._journal = structlog.get_logger("supervisor")

    async def settle(self, workspace: str, *, is_open: bool) -> None:
        """Begin nothing new, and have what is out come home, for a while."""
        if not is_open:
            return
        await self._runtime.close_cell(workspace, _BEGINNERS)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while (await self._runtime.ref(Address("budget", workspace)).rest()).busy:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_S)
        except (TimeoutError, VaporaError) as error:
            self._journal.warning("calls of models are still out", workspace=workspace, why=repr(error))

    async def archive(self, workspace: str) -> None:
        record = CellRecord(workspace, "archived", self._clock())
        await asyncio.to_thread(self._store.put, record)

    async def begin(self, workspace: str) -> CellRecord:
        return await asyncio.to_thread(self._store.begin_removal, workspace, self._clock())

    async def save(self, record: CellRecord, before: CellRecord | None) -> CellRecord:
        """Export it. Where that fails nothing is removed, and the workspace is as it was."""
        try:
            return await asyncio.to_thread(self._store.save, record)
        except Exception:
            if before is None:
                await asyncio.to_thread(self._store.forget, record.workspace)
            else:
                await asyncio.to_thread(self._store.put, before)
            raise

    async def finish(self, record: CellRecord) -> str:
        """The export's path below the data folder."""
        if await asyncio.to_thread(self._store.is_left, record):
            record = await asyncio.to_thread(self._store.save, record)
            record = await asyncio.to_thread(self._store.finish_removal, record)
        return record.export
