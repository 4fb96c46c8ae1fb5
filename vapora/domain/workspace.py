"""Rules about a workspace as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from events.base import DomainEvent
from events.workspace import WorkspacePaused, WorkspaceResumed
from vapora.commands import Pause, Resume


def is_paused(events: Iterable[DomainEvent]) -> bool:
    """Whether it is, after these events of its stream."""
    said = [one for one in events if isinstance(one, WorkspacePaused | WorkspaceResumed)]
    return bool(said) and isinstance(said[-1], WorkspacePaused)


def decide(paused: bool, command: Pause | Resume) -> tuple[DomainEvent, ...]:
    """Nothing where it is so already."""
    if isinstance(command, Pause):
        return () if paused else (WorkspacePaused(reason=command.reason),)
    return (WorkspaceResumed(),) if paused else ()
