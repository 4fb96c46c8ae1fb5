"""The owner of the people log. Everything about who somebody is, and what they belong to, is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from actors.follower import Ticker
from actors.identity.accounts import Accounts
from actors.identity.attempts import Attempts
from actors.identity.credentials import Credentials
from actors.identity.newcomers import Newcomers
from actors.identity.openid import OpenIdDesk
from actors.identity.people_log import Decided, PeopleLog
from actors.identity.session_tokens import SessionOffice, SessionTimes, by
from actors.identity.tenancy import Cells, Tenancy
from events.identity import SigningKeyRotated
from events.ids import PEOPLE
from vapora.clock import Clock, new_id
from vapora.commands import (
    AcceptInvitation,
    ChangePassword,
    Command,
    EditUser,
    EraseUser,
    Invite,
    IssueToken,
    LogIn,
    LogOut,
    RefreshSession,
    ResetPassword,
    SetUp,
)
from vapora.domain.people import Directory, tenancy, users
from vapora.errors import NotFoundError
from vapora.identity import FirstOwner, KeyRing, Passwords, SigningKey
from vapora.identity.access_tokens import SKEW_S
from vapora.identity.openid import Provider
from vapora.log.client import LogClient
from vapora.ports import OpenIdStart, Origin, Person, RequestKey
from vapora.views import Accepted, InvitationMade, SessionTokens, TokenMade

_TELL_EVERY_S = 15.0


class Identity:
    """`folder`: where the keys and the link for the first owner are. `owner`: made at the start
    where there is none; None: somebody opens the link."""

    def __init__(
        self,
        log: LogClient,
        folder: Path,
        accounts: Accounts,
        cells: Cells,
        clock: Clock,
        times: SessionTimes,
        owner: FirstOwner | None = None,
        provider: Provider | None = None,
    ) -> None:
        self._folder = folder
        self._accounts = accounts
        self._clock = clock
        self._times = times
        self._owner = owner
        self._people = PeopleLog(log, clock)
        self._passwords = Passwords()
        self._attempts = Attempts(folder / "attempts.json", clock)
        self._credentials = Credentials(self._people, accounts, self._passwords, self._attempts, clock)
        self._office = SessionOffice(self._people, clock, times, lambda: self._ring)
        self._newcomers = Newcomers(self._people, accounts, self._passwords, self._office, clock, folder)
        self._openid = OpenIdDesk(provider, self._people, accounts, self._office, self._newcomers, clock)
        self._tenancy = Tenancy(self._people, accounts, cells, clock)
        self._keys: KeyRing | None = None
        self._teller = Ticker("identity", lambda: self._credentials.tell(_ours()), _TELL_EVERY_S)

    async def start(self) -> None:
        keep = timedelta(seconds=self._times.access_s + SKEW_S)
        # Side by side: both wait for the disk.
        opened = asyncio.to_thread(KeyRing.open, self._folder, self._clock(), keep)
        self._keys, _, _ = await asyncio.gather(opened, self._people.catch_up(), self._attempts.start())
        try:
            await self._accounts.start()
            await self._accounts.clear(self.directory)
            await self._newcomers.ensure_owner(_ours(), self._owner)
        except BaseException:
            await self._accounts.stop()
            raise
        self._teller.start()

    async def stop(self) -> None:
        await self._teller.stop()
        await self._attempts.stop()
        await self._accounts.stop()

    async def health(self) -> dict[str, Any]:
        return {"problem": self._teller.problem, "position": self.directory.position}

    @property
    def directory(self) -> Directory:
        """Not to be changed."""
        return self._people.directory

    # --- signing in and out ---

    async def set_up(self, origin: Origin, command: SetUp) -> SessionTokens:
        return await self._newcomers.set_up(origin, command)

    async def log_in(self, origin: Origin, command: LogIn, source: str = "") -> SessionTokens:
        person = await self._credentials.prove(origin, command.email, command.password, source)
        return await self._office.begin(self._people, origin, person.user_id)

    async def refresh(self, origin: Origin, command: RefreshSession) -> SessionTokens:
        return await self._office.refresh(origin, command)

    async def log_out(self, origin: Origin, command: LogOut) -> None:
        await self._office.log_out(origin, command)

    async def accept(self, origin: Origin, user_id: str | None, command: AcceptInvitation) -> SessionTokens | None:
        return await self._newcomers.accept(origin, user_id, command)

    async def openid_start(self, redirect_uri: str, invitation: str = "") -> OpenIdStart:
        return await self._openid.start(redirect_uri, invitation)

    async def openid_come_back(self, origin: Origin, state: str, browser: str, code: str) -> str:
        return await self._openid.come_back(origin, state, browser, code)

    async def openid_redeem(self, code: str) -> SessionTokens:
        return await self._openid.redeem(code)

    # --- people ---

    async def change_password(
        self, origin: Origin, user_id: str, session_id: str, command: ChangePassword, source: str = ""
    ) -> Accepted:
        person = await self._accounts.person(user_id)
        if person is None:
            raise NotFoundError(f"Nothing is known of the user '{user_id}'.", remedy="Check the id.")
        await self._credentials.prove(origin, person.email, command.current, source)

        def decide(directory: Directory) -> Decided:
            return users.change_password(directory, user_id, session_id), user_id

        return await self._set_password(by(origin, user_id), user_id, command.password, decide)

    async def carry_out(
        self, origin: Origin, command: Command, target: str = "", workspace_id: str = "", key: RequestKey | None = None
    ) -> Accepted:
        match command:
            case EditUser():
                accepted = await self._people.change(
                    origin, lambda directory: (users.edit(directory, target, command), target), key
                )
                if (name := command.changes().get("name")) is not None:
                    await self._accounts.rename(target, name)
                return accepted
            case EraseUser():
                accepted = await self._people.change(
                    origin, lambda directory: (users.erase(directory, target), target), key
                )
                await self._accounts.erase(target)
                return accepted
            case ResetPassword():
                users.require(self.directory, target)
                return await self._set_password(
                    origin, target, command.password, lambda now: (users.reset_password(now, target), target)
                )
            case _:
                return await self._tenancy.carry_out(origin, command, target, workspace_id, key)

    async def issue_token(
        self, origin: Origin, command: IssueToken, workspace_id: str, key: RequestKey | None = None
    ) -> TokenMade:
        return await self._tenancy.issue_token(origin, command, workspace_id, key)

    async def invite(
        self, origin: Origin, command: Invite, workspace_id: str, key: RequestKey | None = None
    ) -> InvitationMade:
        return await self._tenancy.invite(origin, command, workspace_id, key)

    async def people(self, user_ids: Sequence[str] | None = None) -> list[Person]:
        return [
            Person(one.user_id, one.name, one.email)
            for one in await self._accounts.people(user_ids)
            if (user := self.directory.users.get(one.user_id)) is not None and not user.erased
        ]

    async def invited(self, invitation_ids: Sequence[str]) -> dict[str, str]:
        return await self._accounts.invited(invitation_ids)

    async def policies(self, workspace_id: str) -> str:
        return tenancy.require(self.directory, workspace_id).policies

    # --- keys ---

    async def verifying_keys(self) -> tuple[SigningKey, ...]:
        return self._ring.verifying(self._clock())

    async def rotate_key(self, origin: Origin) -> Accepted:
        kid = self._ring.rotate(self._clock()).kid
        return await self._people.change(origin, lambda _: ((SigningKeyRotated(kid=kid),), kid))

    @property
    def _ring(self) -> KeyRing:
        assert self._keys is not None
        return self._keys

    async def _set_password(
        self, origin: Origin, user_id: str, password: SecretStr, decide: Callable[[Directory], Decided]
    ) -> Accepted:
        """The hash waits in the person's row until the event stands, and holds from then on."""
        hashed = await self._passwords.hash(password)
        async with self._people.turn() as turn:
            await self._accounts.offer_password(user_id, hashed, turn.directory)
            accepted = await turn.change(origin, decide)
            await self._accounts.person(user_id)
        return accepted


def _ours() -> Origin:
    """What nobody asked for."""
    return Origin(PEOPLE, actor="operator", correlation=new_id("cor"))
