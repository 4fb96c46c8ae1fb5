"""The repositories of a workspace's projects: the one actor that runs git and commands.

It holds no truth of its own. What runs and tasks are is in the log, what they made is in the repositories; after a
restart both are looked at again.
"""

from __future__ import annotations

from typing import Any

from actors.repositories.open import OpenRepositories
from vapora.blobs import Blobs
from vapora.clock import Clock
from vapora.log.client import LogClient


class Repositories:
    """`vapora.ports.RepositoriesPort`, and what agents ask of it."""

    def __init__(self, log: LogClient, workspace: str, opened: OpenRepositories, blobs: Blobs, clock: Clock) -> None:
        self._log = log
        self._workspace = workspace
        self._opened = opened
        self._blobs = blobs
        self._clock = clock

    async def start(self) -> None:
        """Nothing to rebuild: a repository is opened by the first call that needs it."""

    async def stop(self) -> None:
        await self._opened.close()

    async def health(self) -> dict[str, Any]:
        return {"open": sorted(self._opened.opened())}
