"""Rules about sessions: their beginning, refreshing with rotation, and their end.

All refresh tokens of a session are one family. Each is good for one use; where one comes again, somebody else may hold
a copy, and nobody can tell who is the thief: the whole family ends. Two tabs of one browser may come with the same
token at once, so for a few seconds a used token gets another pair of its family.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from events.base import DomainEvent
from events.identity import SessionEnded, SessionRefreshed, SessionStarted
from vapora.domain.people.directory import Directory, Session, User
from vapora.errors import UnauthenticatedError

GRACE = timedelta(seconds=10)
# So many tabs may refresh at the same time; past it the family ends as if the token had been stolen.
_MOST_UNUSED = 50

Reason = Literal["log-out", "everywhere", "reuse", "password", "disabled", "erased"]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """`granted`: whether the new token may be given out. Else the session ends, and the one who asked is refused."""

    session: Session
    events: tuple[DomainEvent, ...]
    granted: bool


def start(user: User, session_id: str, digest: str, now: datetime, lives: timedelta) -> tuple[DomainEvent, ...]:
    """`digest`: of the first refresh token. Raises `UnauthenticatedError` for who may not sign in."""
    if not user.may_sign_in:
        raise UnauthenticatedError("The account may not sign in.", remedy="Ask an administrator.")
    started = SessionStarted(session_id=session_id, user_id=user.id, refresh_digest=digest, expires_at=now + lives)
    return (started,)


def standing(directory: Directory, session_id: str, now: datetime) -> Session | None:
    """The session, if it still lets its person in."""
    session = directory.sessions.get(session_id)
    if session is None or session.expires_at <= now:
        return None
    user = directory.users.get(session.user_id)
    return session if user is not None and user.may_sign_in else None


def refresh(directory: Directory, digest: str, made: str, now: datetime, lives: timedelta) -> Refreshed:
    """`digest` of the token that came, `made` of the one that follows it. Raises `UnauthenticatedError` for a token
    that belongs to no session that still stands."""
    found = directory.sessions_by_digest.get(digest)
    session = None if found is None else standing(directory, found.id, now)
    if session is None:
        raise _over()
    first = session.used.get(digest)
    if first is not None and (now - first > GRACE or len(session.unused) >= _MOST_UNUSED):
        return Refreshed(session, (_end(session, "reuse"),), granted=False)
    refreshed = SessionRefreshed(
        session_id=session.id,
        user_id=session.user_id,
        used_digest=digest,
        refresh_digest=made,
        expires_at=now + lives,
        grace=first is not None,
    )
    return Refreshed(session, (refreshed,), granted=True)


def log_out(directory: Directory, digest: str, everywhere: bool) -> tuple[SessionEnded, ...]:
    """Any token of the family will do, used or not. Nothing for one that belongs to no session: it is over already."""
    session = directory.sessions_by_digest.get(digest)
    if session is None:
        return ()
    return end_all(directory, session.user_id, "everywhere") if everywhere else (_end(session, "log-out"),)


def end_all(directory: Directory, user_id: str, reason: Reason, but: str = "") -> tuple[SessionEnded, ...]:
    """All sessions of a person; `but` is the id of one that goes on."""
    return tuple(_end(one, reason) for one in directory.sessions_of(user_id) if one.id != but)


def _end(session: Session, reason: Reason) -> SessionEnded:
    return SessionEnded(session_id=session.id, user_id=session.user_id, reason=reason)


def _over() -> UnauthenticatedError:
    return UnauthenticatedError("The session is over.", remedy="Sign in again.")
