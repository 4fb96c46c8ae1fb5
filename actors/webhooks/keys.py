"""The secrets by which messages are signed: with those of the workspace, in its vault."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from actors.secrets import SecretReader
from vapora.clock import new_id
from vapora.dispatch.secrets import SecretStore
from vapora.errors import NotFoundError
from vapora.ports import Origin
from vapora.vault import webhook_secret_name


class SigningSecrets(Protocol):
    """Where they are kept. Each method raises what a `vapora.vault.Vault` raises."""

    async def start(self) -> None: ...

    async def ensure(self, webhook_id: str) -> str:
        """The webhook's secret; made where there is none yet, once."""
        ...

    async def find(self, webhook_id: str) -> str | None:
        """None: it was lost. Another one would sign what nobody could check."""
        ...

    async def forget(self, webhook_id: str) -> None: ...

    async def close(self) -> None: ...


class VaultSecrets:
    """`reader` and `store`: of the same vault, which is closed with the reader. `files`: where earlier versions kept
    them, one in a file of its own."""

    def __init__(self, workspace: str, reader: SecretReader, store: SecretStore, files: Path) -> None:
        self._workspace = workspace
        self._reader = reader
        self._store = store
        self._files = files
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Takes over what earlier versions left in files. A file goes when the vault has it for certain; what a crash
        cuts off, the next start completes."""
        left = sorted(self._files.glob("*")) if self._files.is_dir() else []
        if not left:
            return
        kept = {one.name for one in await self._reader.list(self._workspace)}
        for file in left:
            name = webhook_secret_name(file.name)
            if name not in kept:
                await self._store.put(self._origin, name, SecretStr(file.read_text()))
            file.unlink()
        self._files.rmdir()

    async def ensure(self, webhook_id: str) -> str:
        async with self._turn:
            found = await self.find(webhook_id)
            if found is None:
                found = f"whsec_{secrets.token_urlsafe(32)}"
                await self._store.put(self._origin, webhook_secret_name(webhook_id), SecretStr(found))
            return found

    async def find(self, webhook_id: str) -> str | None:
        name = webhook_secret_name(webhook_id)
        found = await self._reader.read(self._workspace, name, f"signing for {webhook_id}")
        return None if found is None else found[0].get_secret_value()

    async def forget(self, webhook_id: str) -> None:
        try:
            await self._store.delete(self._origin, webhook_secret_name(webhook_id))
        except NotFoundError:
            return

    async def close(self) -> None:
        await self._reader.close()

    @property
    def _origin(self) -> Origin:
        return Origin(self._workspace, "webhooks", new_id("cor"))
