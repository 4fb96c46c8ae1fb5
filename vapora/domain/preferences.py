"""Rules about what one person prefers."""

from __future__ import annotations

from events.base import DomainEvent
from events.user import PreferencesChanged
from vapora.commands import ChangePreferences

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


def decide(state: PreferencesChanged | None, command: ChangePreferences, user_id: str) -> tuple[DomainEvent, ...]:
    """Nothing where they are so already; defaults that were never said are said once."""
    event = PreferencesChanged(user_id=user_id, **command.model_dump())
    return () if event == state else (event,)


def evolve(state: PreferencesChanged | None, event: DomainEvent) -> PreferencesChanged | None:
    return event if isinstance(event, PreferencesChanged) else state
