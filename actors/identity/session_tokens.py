"""Sessions with their tokens: begun, refreshed and ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from actors.identity.people_log import Changes, Decided, PeopleLog
from events.base import DomainEvent
from vapora.clock import Clock, new_id
from vapora.commands import LogOut, RefreshSession
from vapora.domain.people import Directory, User, sessions
from vapora.errors import UnauthenticatedError
from vapora.identity import AccessTokens, KeyRing, digest_of, new_secret
from vapora.ports import Origin
from vapora.views import SessionTokens

Also = Callable[[Directory], tuple[DomainEvent, ...]]


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """`access_s`: how long an access token is good, in seconds. `refresh`: how long a session lasts that nobody
    refreshes."""

    access_s: int
    refresh: timedelta


class SessionOffice:
    def __init__(self, people: PeopleLog, clock: Clock, times: SessionTimes, keys: Callable[[], KeyRing]) -> None:
        self._people = people
        self._clock = clock
        self._times = times
        self._keys = keys
        self._access_tokens = AccessTokens()
        self._journal = structlog.get_logger("identity")

    async def begin(self, changes: Changes, origin: Origin, user_id: str, also: Also | None = None) -> SessionTokens:
        """A session, in the same append as what `also` makes of the directory: the account itself, perhaps."""
        session_id, secret = new_id("session"), new_secret()

        def decide(directory: Directory) -> Decided:
            events = () if also is None else also(directory)
            # Who is registered in this very append stands in no directory yet.
            user = directory.users.get(user_id) or User(user_id)
            began = sessions.start(user, session_id, digest_of(secret), self._clock(), self._times.refresh)
            return (*events, *began), session_id

        await changes.change(by(origin, user_id), decide)
        return self._tokens(user_id, session_id, secret)

    async def refresh(self, origin: Origin, command: RefreshSession) -> SessionTokens:
        digest, secret = digest_of(command.refresh_token.get_secret_value()), new_secret()
        async with self._people.turn() as turn:
            found = sessions.refresh(turn.directory, digest, digest_of(secret), self._clock(), self._times.refresh)
            session = found.session
            await turn.change(by(origin, session.user_id), lambda _: (found.events, session.id))
        if not found.granted:
            self._journal.warning("a refresh token came again, and its session has ended", session=session.id)
            raise UnauthenticatedError("The session is over.", remedy="Sign in again.")
        return self._tokens(session.user_id, session.id, secret)

    async def log_out(self, origin: Origin, command: LogOut) -> None:
        digest = digest_of(command.refresh_token.get_secret_value())
        async with self._people.turn() as turn:
            if (session := turn.directory.sessions_by_digest.get(digest)) is not None:
                ended = sessions.log_out(turn.directory, digest, command.everywhere)
                await turn.change(by(origin, session.user_id), lambda _: (ended, session.id))

    def _tokens(self, user_id: str, session_id: str, refresh_token: str) -> SessionTokens:
        access_s = self._times.access_s
        access = self._access_tokens.make(self._keys().signing, user_id, session_id, self._clock(), access_s)
        return SessionTokens(access_token=access, refresh_token=refresh_token, expires_in=access_s)


def by(origin: Origin, user_id: str) -> Origin:
    """Who proved to be that person did it."""
    return replace(origin, actor=f"user:{user_id}")
