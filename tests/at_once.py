"""How much went on at the same moment, as the log tells."""

from __future__ import annotations

from collections.abc import Iterable

from events import DomainEvent
from events.run import RunCancelled, RunFailed, RunStarted, RunSucceeded


def roles_at_once(events: Iterable[DomainEvent]) -> int:
    """The most different roles that had a run at the same moment."""
    running: dict[str, str] = {}
    most = 0
    for event in events:
        match event:
            case RunStarted(run_id=run_id, role=role):
                running[run_id] = role
                most = max(most, len(set(running.values())))
            case RunSucceeded(run_id=run_id) | RunFailed(run_id=run_id) | RunCancelled(run_id=run_id):
                running.pop(run_id, None)
    return most
