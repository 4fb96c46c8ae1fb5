"""In which stream of the people log an event stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from events import identity
from events.base import DomainEvent
from events.ids import StreamName, session_stream, tenancy_stream, user_stream

# All refused attempts: most are about nobody.
LOG_INS = StreamName("log-ins")
KEYS = StreamName("signing-keys")

_OF_SESSIONS = (identity.SessionStarted, identity.SessionRefreshed, identity.SessionEnded)
_OF_USERS = (identity.UserRegistered, identity.UserChanged, identity.UserErased, identity.PasswordChanged)


def stream_of(event: DomainEvent) -> StreamName:
    if isinstance(event, _OF_SESSIONS):
        return session_stream(event.session_id)
    if isinstance(event, _OF_USERS):
        return user_stream(event.user_id)
    if isinstance(event, identity.LogInRefused):
        return LOG_INS
    if isinstance(event, identity.SigningKeyRotated):
        return KEYS
    return tenancy_stream(cast(Any, event).workspace_id)


def by_stream(events: Iterable[DomainEvent]) -> Mapping[StreamName, tuple[DomainEvent, ...]]:
    """In the order in which they come, within each stream and among the streams."""
    found: dict[StreamName, tuple[DomainEvent, ...]] = {}
    for event in events:
        stream = stream_of(event)
        found[stream] = (*found.get(stream, ()), event)
    return found
