"""Which workspaces are this installation's to open, among those that share a database with others."""

from __future__ import annotations

import asyncio

import structlog

from events.ids import is_workspace
from vapora.domain.lease import View
from vapora.errors import VaporaError
from vapora.log.leases import Leases, held_elsewhere

# How often others hear that we are alive, and we see what is to be closed for them; and how often while there are some:
# what one of them leaves is served again within a second.
_ALONE_S = 1.0
_TOGETHER_S = 0.25


class Holding:
    """What was seen of the others last. It is some `look_again_s` old, and the log writer asks the database itself."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._view: View | None = None
        self._looked = False
        # Workspaces that others have.
        self.elsewhere: set[str] = set()
        self._journal = structlog.get_logger("supervisor")

    @property
    def is_shared(self) -> bool:
        """Whether another installation may take a log from us, and give it back."""
        return self._view is not None

    def look_again_s(self) -> float:
        """After how many seconds it is to be looked again."""
        return _TOGETHER_S if self._view is not None and self._view.others else _ALONE_S

    async def look(self) -> None:
        """Say that we are alive, and see who else is."""
        self._view = await asyncio.to_thread(self._leases.announce)
        self._looked = True

    async def look_first(self) -> None:
        """Before anything is opened."""
        if not self._looked:
            await self.look()

    def is_ours(self, workspace: str) -> bool:
        """Whether it is, or may be taken."""
        return self._view is None or self._view.wait(workspace) is None

    def holds(self, workspace: str) -> bool:
        return self._view is not None and self._view.holds(workspace)

    def freed(self) -> set[str]:
        """Workspaces that others had, and that may be taken now. What they have come to have since is noted."""
        if self._view is None:
            return set()
        self.elsewhere |= {one for one in self._view.leases if is_workspace(one) and not self.is_ours(one)}
        free = {one for one in self.elsewhere if self.is_ours(one)}
        self.elsewhere -= free
        return free

    async def require(self, workspace: str) -> None:
        """Raises `HeldElsewhereError` where it is not ours to open."""
        await self.look_first()
        wait = None if self._view is None else self._view.wait(workspace)
        if wait is not None:
            self.elsewhere.add(workspace)
            raise held_elsewhere(workspace, str(wait))

    async def resign(self) -> None:
        try:
            await asyncio.to_thread(self._leases.resign)
        except VaporaError as error:
            self._journal.info("others wait until we count as dead", why=str(error))
