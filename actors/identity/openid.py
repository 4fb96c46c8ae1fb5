"""People who sign in with a provider of OpenID Connect.

Whoever is on the way to it, or has come back and not been given the tokens yet, is remembered for some minutes, in
memory: after a restart of this actor they begin again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from actors.identity.accounts import Accounts
from actors.identity.newcomers import Newcomers
from actors.identity.people_log import PeopleLog
from actors.identity.session_tokens import SessionOffice
from vapora.clock import Clock
from vapora.errors import ConflictError, NotFoundError, ThrottledError, UnauthenticatedError
from vapora.identity import digest_of, new_secret
from vapora.identity.openid import Attempt, Proved, Provider
from vapora.ports import OpenIdStart, Origin
from vapora.views import SessionTokens

_ON_THE_WAY = timedelta(minutes=10)
_COME_BACK = timedelta(minutes=1)
_MOST = 10_000

T = TypeVar("T")


@dataclass(slots=True)
class _Remembered(Generic[T]):
    """Things that are taken once, by the digest of a secret, and only for a while."""

    lives: timedelta
    _kept: dict[str, tuple[datetime, T]] = field(default_factory=dict)

    def put(self, secret: str, thing: T, now: datetime) -> None:
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]
        if len(self._kept) >= _MOST:
            raise ThrottledError("Too many sign in at the moment.", remedy="Try again later.", retry_after_s=60)
        self._kept[digest_of(secret)] = now + self.lives, thing

    def take(self, secret: str, now: datetime) -> T | None:
        until, thing = self._kept.pop(digest_of(secret), (now, None))
        return thing if until > now else None


@dataclass(frozen=True, slots=True)
class _Way:
    """`browser`: the digest of what its cookie says; who comes back must be who went. `invitation`: its token."""

    attempt: Attempt
    browser: str
    invitation: str = field(repr=False)


class OpenIdDesk:
    """`provider`: None where none is configured."""

    def __init__(
        self,
        provider: Provider | None,
        people: PeopleLog,
        accounts: Accounts,
        office: SessionOffice,
        newcomers: Newcomers,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._people = people
        self._accounts = accounts
        self._office = office
        self._newcomers = newcomers
        self._clock = clock
        self._ways: _Remembered[_Way] = _Remembered(_ON_THE_WAY)
        self._back: _Remembered[SessionTokens] = _Remembered(_COME_BACK)

    async def start(self, redirect_uri: str, invitation: str) -> OpenIdStart:
        attempt, browser = Attempt.begin(redirect_uri), new_secret()
        address = await self._known.way(attempt)
        self._ways.put(attempt.state, _Way(attempt, digest_of(browser), invitation), self._clock())
        return OpenIdStart(address, browser)

    async def come_back(self, origin: Origin, state: str, browser: str, code: str) -> str:
        """A code, good once and for a minute, for the tokens: they themselves must not stand in an address."""
        way = self._ways.take(state, self._clock())
        if way is None or digest_of(browser) != way.browser:
            raise UnauthenticatedError("This is not the browser that went there, or it took too long.", remedy=_AGAIN)
        proved = await self._known.prove(way.attempt, code)
        tokens, code = await self._let_in(origin, proved, way.invitation), new_secret()
        self._back.put(code, tokens, self._clock())
        return code

    async def redeem(self, code: str) -> SessionTokens:
        tokens = self._back.take(code, self._clock())
        if tokens is None:
            raise UnauthenticatedError("The code is not good, or not any more.", remedy=_AGAIN)
        return tokens

    async def _let_in(self, origin: Origin, proved: Proved, invitation: str) -> SessionTokens:
        known = await self._accounts.with_subject(proved.issuer, proved.subject)
        if known is None and proved.email is not None:
            known = await self._accounts.with_email(proved.email)
            if known is not None and known.user_id in self._people.directory.users:
                if known.subject is not None:
                    raise ConflictError(
                        "The account with your address belongs to somebody else at the provider.",
                        remedy="Ask an administrator.",
                    )
                await self._accounts.bind(known.user_id, proved.issuer, proved.subject)
        if known is not None and known.user_id in self._people.directory.users:
            return await self._office.begin(self._people, origin, known.user_id)
        return await self._newcomers.vouched_for(origin, proved, invitation)

    @property
    def _known(self) -> Provider:
        if self._provider is None:
            raise NotFoundError("No provider of OpenID Connect is set up.", remedy="Sign in with a password.")
        return self._provider


_AGAIN = "Begin again on the sign-in page."
