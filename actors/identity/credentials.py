"""Addresses with passwords: proved at a bounded pace, and so that nobody learns who has an account."""

from __future__ import annotations

from pydantic import SecretStr

from actors.identity.accounts import Accounts
from actors.identity.attempts import Attempts
from actors.identity.people_log import PeopleLog
from actors.identity.refusals import Refusals, Why
from vapora.clock import Clock
from vapora.errors import ThrottledError, UnauthenticatedError
from vapora.identity import Passwords
from vapora.identity.store import StoredPerson
from vapora.ports import Origin


class Credentials:
    """Attempts are counted here alone, whichever replica of the API they come through."""

    def __init__(
        self, people: PeopleLog, accounts: Accounts, passwords: Passwords, attempts: Attempts, clock: Clock
    ) -> None:
        self._people = people
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._throttle = attempts
        self._refusals = Refusals()

    async def prove(self, origin: Origin, email: str, password: SecretStr, source: str) -> StoredPerson:
        """Who has this address and password, and may sign in. `source`: where the attempt comes from, as an address of
        the network. Raises `UnauthenticatedError`, the same one and after the same time whatever was wrong, and
        `ThrottledError`."""
        now = self._clock()
        if pause_s := self._throttle.pause_s(email, source, now):
            await self._tell(origin, await self._accounts.with_email(email), "throttled")
            wait_s = max(1, round(pause_s + 0.5))
            raise ThrottledError("Too many attempts.", remedy=f"Wait for {wait_s} s.", retry_after_s=wait_s)
        self._throttle.begin(email, source, now)
        person = await self._accounts.with_email(email)
        right = await self._passwords.verify(password, None if person is None else person.password_hash)
        user = None if person is None else self._people.directory.users.get(person.user_id)
        if person is None or user is None or not right or not user.may_sign_in:
            await self._tell(origin, person, "disabled" if right and user is not None else "password")
            raise UnauthenticatedError("The e-mail address or the password is wrong.", remedy="Check both.")
        self._throttle.succeeded(email, source)
        return person

    async def tell(self, origin: Origin) -> None:
        """Append how many were refused since the last time."""
        if events := self._refusals.due(self._clock()):
            await self._people.change(origin, lambda _: (events, ""))

    async def _tell(self, origin: Origin, person: StoredPerson | None, why: Why) -> None:
        user_id = "" if person is None or person.user_id not in self._people.directory.users else person.user_id
        event = self._refusals.add(user_id, why if user_id or why == "throttled" else "unknown", self._clock())
        if event is not None:
            await self._people.change(origin, lambda _: ((event,), ""))
