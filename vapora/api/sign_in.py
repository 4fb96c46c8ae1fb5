"""Who asks, by what the request carries: nothing, an access token, a program's token, or the operator's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from vapora import operator_token
from vapora.api.caller import Caller
from vapora.api.people import People
from vapora.clock import Clock
from vapora.domain.people import Directory, Token, sessions
from vapora.errors import ConfigurationError, UnauthenticatedError
from vapora.identity import SERVICE_PREFIX, digest_of
from vapora.identity.access_tokens import SKEW_S
from vapora.settings import Settings


class SignIn:
    """`vapora.api.caller.Callers` by the people log."""

    def __init__(self, people: People, settings: Settings, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._data: Path = settings.data.absolute()
        # Elsewhere than on loopback everybody has to, from the first start on.
        self._always = settings.auth == "required" or not settings.on_loopback

    async def is_needed(self) -> bool:
        return self._always or (await self._people.directory()).has_owner

    async def has_owner(self) -> bool:
        return (await self._people.directory()).has_owner

    async def of(self, authorization: str | None) -> Caller:
        kind, _, given = (authorization or "").partition(" ")
        given = given.strip()
        is_needed = await self.is_needed()
        bearer = given if kind.lower() == "bearer" else ""
        if bearer and self._is_operators(bearer):
            return Caller("operator", at_home=not is_needed)
        if not is_needed:
            # A token that is not asked for is not looked at.
            return Caller("local")
        if not bearer:
            raise await self._refuse()
        return await (self._program(bearer) if bearer.startswith(SERVICE_PREFIX) else self._person(bearer))

    async def still(self, caller: Caller) -> bool:
        now = self._clock()
        if caller.expires_at is not None and caller.expires_at <= now:
            return False
        directory = await self._people.directory()
        match caller.kind:
            case "user":
                return sessions.standing(directory, caller.session_id, now) is not None
            case "token":
                return caller.id in directory.tokens
            case "local":
                return not await self.is_needed()
            case "operator":
                return True

    async def _person(self, token: str) -> Caller:
        claims = await self._people.claims(token)
        directory = await self._people.directory()
        if sessions.standing(directory, claims.session_id, self._clock()) is None:
            # Perhaps another replica has just let them in.
            directory = await self._people.fresh()
        session = sessions.standing(directory, claims.session_id, self._clock())
        if session is None or session.user_id != claims.user_id:
            raise UnauthenticatedError("The session is over.", remedy="Sign in again.")
        expires_at = datetime.fromtimestamp(claims.expires_at + SKEW_S, UTC)
        return Caller("user", claims.user_id, claims.session_id, expires_at=expires_at)

    async def _program(self, token: str) -> Caller:
        digest = digest_of(token)
        found = self._token(await self._people.directory(), digest) or self._token(await self._people.fresh(), digest)
        if found is None:
            raise UnauthenticatedError("The token is not good, or not any more.", remedy="Make another one.")
        return Caller("token", found.id, expires_at=found.expires_at)

    def _token(self, directory: Directory, digest: str) -> Token | None:
        found = directory.tokens_by_digest.get(digest)
        if found is None or (found.expires_at is not None and found.expires_at <= self._clock()):
            return None
        return found

    def _is_operators(self, given: str) -> bool:
        try:
            return operator_token.is_it(self._data, given)
        except ConfigurationError:
            return False

    async def _refuse(self) -> UnauthenticatedError:
        if (await self._people.directory()).has_owner:
            return UnauthenticatedError("Who asks is not known.", remedy="Sign in, and send the access token.")
        return UnauthenticatedError(
            "There is no owner yet, and nobody may do anything before there is one.",
            remedy="Open the link that `vapora up` printed, or run `vapora setup` on the server.",
        )
