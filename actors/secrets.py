"""How a part of the system comes to a secret's value: by the one reader here, which tells the log of it first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from pydantic import SecretStr

from events.ids import secret_stream
from events.secret import SecretUsed
from vapora.clock import Clock, new_id
from vapora.dispatch.secrets import SecretEvents
from vapora.ports import Origin
from vapora.vault import StoredSecret, Vault

# A key is used with every call of a model: the log is told of it so often, and not some thousand times a day.
EVERY = timedelta(hours=1)


class SecretReader:
    """`actor`: the part that reads, as the log names it. `events(workspace)` appends to the workspace's log.

    A use is recorded before the value is given out: where the log does not take it, nobody gets the value. The same
    part with the same purpose is recorded once for each version after its start, and then at most once in `EVERY`.
    """

    def __init__(self, vault: Vault, events: Callable[[str], SecretEvents], actor: str, clock: Clock) -> None:
        self.fresh_s = vault.fresh_s
        self._vault = vault
        self._events = events
        self._actor = actor
        self._clock = clock
        self._told: dict[tuple[str, str, int, str], datetime] = {}
        self._turn = asyncio.Lock()

    async def list(self, workspace: str) -> tuple[StoredSecret, ...]:
        """Names and versions, without values; this is no use of them."""
        return await asyncio.to_thread(self._vault.list, workspace)

    async def read(
        self, workspace: str, name: str, purpose: str, correlation: str | None = None
    ) -> tuple[SecretStr, StoredSecret] | None:
        """The newest value, for `purpose`; None where there is none. `correlation`: the request that led to it."""
        found = await asyncio.to_thread(self._vault.get, workspace, name)
        if found is not None:
            await self.used(workspace, found[1], purpose, correlation)
        return found

    async def used(self, workspace: str, secret: StoredSecret, purpose: str, correlation: str | None = None) -> None:
        """A value that was read before is used again."""
        key = (workspace, secret.name, secret.version, purpose)
        async with self._turn:
            now, told = self._clock(), self._told.get(key)
            if told is not None and now - told < EVERY:
                return
            origin = Origin(workspace, self._actor, correlation or new_id("cor"))
            event = SecretUsed(name=secret.name, version=secret.version, purpose=purpose)
            await self._events(workspace).tell(origin, secret_stream(secret.name), event)
            # What is older is told anew anyway, if it comes at all.
            self._told = {one: at for one, at in self._told.items() if now - at < EVERY} | {key: now}

    async def close(self) -> None:
        await asyncio.to_thread(self._vault.close)
