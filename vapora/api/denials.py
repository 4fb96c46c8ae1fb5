"""Who was refused, and who looked at the audit trail: recorded, but never as often as somebody tries.

The first refusal of a kind is recorded before it is answered; those alike in the minute after it are counted, and
recorded together. A refusal stands even where it cannot be recorded: the journal says so then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from events import DomainEvent
from events.access import AccessDenied, AuditViewed
from events.ids import ACCESS, PEOPLE
from vapora.clock import Sleep
from vapora.domain.access import Resource
from vapora.errors import VaporaError, VersionConflictError
from vapora.log.client import LogClient
from vapora.ports import Origin

WINDOW_S = 60.0
_MOST_TRIES = 10
# Beyond so many kinds of refusal in a minute, which is an attack, the rest is counted as one.
_MOST_KINDS = 2_000
_MANY = "many"

_log = structlog.get_logger("access")

# The log that it stands in, who asked, and for what.
Key = tuple[str, str, str]


@dataclass(slots=True)
class _Kind:
    """Refusals that are alike: the first one, and how many came since it was recorded."""

    event: AccessDenied
    correlation: str
    more: int = 0


@dataclass(slots=True)
class Denials:
    """Of one replica."""

    log: Callable[[str], LogClient]
    sleep: Sleep = asyncio.sleep
    _kinds: dict[Key, _Kind] = field(default_factory=dict)
    _viewed: set[Key] = field(default_factory=set)
    _versions: dict[str, int] = field(default_factory=dict)
    _closing_window: asyncio.Task[None] | None = None

    async def denied(self, principal: str, action: str, resource: Resource, reason: str, correlation: str) -> None:
        """A member was refused, or anybody where no workspace is concerned."""
        event = AccessDenied(principal=principal, action=action, resource=resource.name, reason=reason)
        await self._refused(resource.workspace or PEOPLE, event, correlation)

    async def foreign(self, principal: str, action: str, workspace: str, correlation: str) -> None:
        """Somebody asked for a workspace that they are no member of. Its members are not told who."""
        event = AccessDenied(principal=principal, action=action, resource=f"workspace/{workspace}", reason="no member")
        await self._refused(PEOPLE, event, correlation)

    async def viewed(self, workspace: str, principal: str, what: str, correlation: str) -> None:
        """Somebody looked at the audit trail; at most once a minute for the same question. Raises what stands in the
        way of recording it: who looks unseen is not shown anything."""
        key = (workspace, principal, what)
        if key in self._viewed:
            return
        await self._append(workspace, principal, correlation, AuditViewed(principal=principal, what=what))
        self._viewed.add(key)
        self._open_window()

    async def close(self) -> None:
        """What was only counted is recorded now."""
        if self._closing_window is not None:
            self._closing_window.cancel()
            await asyncio.gather(self._closing_window, return_exceptions=True)
        await self._record_counted()

    async def _refused(self, workspace: str, event: AccessDenied, correlation: str) -> None:
        key = (workspace, event.principal, event.action)
        if key not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            key, event = (PEOPLE, _MANY, _MANY), event.model_copy(update={"principal": _MANY})
        known = self._kinds.get(key)
        if known is not None:
            known.more += 1
            return
        self._kinds[key] = _Kind(event, correlation)
        self._open_window()
        await self._record(workspace, event, correlation)

    def _open_window(self) -> None:
        if self._closing_window is None or self._closing_window.done():
            self._closing_window = asyncio.create_task(self._close_window(), name="denials")

    async def _close_window(self) -> None:
        while self._kinds or self._viewed:
            await self.sleep(WINDOW_S)
            self._viewed.clear()
            await self._record_counted()

    async def _record_counted(self) -> None:
        """Kinds of which nothing came in this window are forgotten; others are counted on."""
        for key, kind in list(self._kinds.items()):
            if not kind.more:
                del self._kinds[key]
                continue
            event, kind.more = kind.event.model_copy(update={"count": kind.more}), 0
            await self._record(key[0], event, kind.correlation)

    async def _record(self, workspace: str, event: AccessDenied, correlation: str) -> None:
        try:
            await self._append(workspace, event.principal, correlation, event)
        except VaporaError as error:
            told = {"principal": event.principal, "action": event.action, "count": event.count}
            _log.error("a refusal was not recorded", workspace=workspace, error=str(error), **told)

    async def _append(self, workspace: str, principal: str, correlation: str, event: DomainEvent) -> None:
        log, origin = self.log(workspace), Origin(workspace, principal, correlation)
        for _ in range(_MOST_TRIES):
            try:
                await log.append(origin, (ACCESS, self._versions.get(workspace, 0), (event,)))
            except VersionConflictError as conflict:
                # Another replica was quicker, or this one has just started.
                self._versions[workspace] = conflict.details["version"]
                continue
            self._versions[workspace] = self._versions.get(workspace, 0) + 1
            return
        raise VersionConflictError(f"{ACCESS} is being written to by too many at once.", remedy="Try again.")
