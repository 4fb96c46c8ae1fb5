"""The people of an installation where nobody has an account, for actor systems that have only what is asked of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vapora.records import Batch


class Nobody:
    """As much of the people log, of the actor that owns it and of the router, as a replica of the API asks for."""

    async def poll(self, after: int, limit: int, timeout_s: float, topics: Sequence[str] = ()) -> Batch:
        if timeout_s:
            await asyncio.get_running_loop().create_future()
        return Batch()

    async def verifying_keys(self) -> tuple[()]:
        return ()

    async def is_simulated(self, workspace: str) -> bool:
        return True
