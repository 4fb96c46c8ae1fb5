"""Accounts that are made: the first owner's, those of invited people, and those that a provider of OpenID Connect
vouches for."""

from __future__ import annotations

from pathlib import Path

from actors.identity.accounts import Accounts
from actors.identity.people_log import Decided, PeopleLog
from actors.identity.session_tokens import Also, SessionOffice, by
from events.base import DomainEvent
from events.identity import MemberAdded, UserRegistered
from events.ids import DEFAULT_WORKSPACE, MemberRole
from vapora.clock import Clock, new_id
from vapora.commands import AcceptInvitation, SetUp
from vapora.domain.people import Directory, tenancy, users
from vapora.errors import BadInputError, ConflictError, UnauthenticatedError
from vapora.identity import FirstOwner, Passwords, digest_of, setup_token
from vapora.identity.openid import Proved
from vapora.identity.store import StoredPerson
from vapora.ports import Origin
from vapora.views import SessionTokens


class Newcomers:
    """`folder`: where the link for the first owner is."""

    def __init__(
        self,
        people: PeopleLog,
        accounts: Accounts,
        passwords: Passwords,
        office: SessionOffice,
        clock: Clock,
        folder: Path,
    ) -> None:
        self._people = people
        self._accounts = accounts
        self._passwords = passwords
        self._office = office
        self._clock = clock
        self._folder = folder

    async def ensure_owner(self, origin: Origin, owner: FirstOwner | None) -> None:
        """Where there is no owner: the one of the settings, or else the link by which one is made."""
        if not self._people.directory.has_owner and owner is not None:
            made, name = new_id("user"), owner.email.partition("@")[0]
            person = StoredPerson(made, name, owner.email, await self._passwords.hash(owner.password))
            async with self._people.turn() as turn:
                await self._accounts.put(person, turn.directory)
                await turn.change(origin, lambda directory: (_first_owner(directory, made), made))
        if self._people.directory.has_owner:
            setup_token.use_up(self._folder)
        else:
            setup_token.ensure(self._folder)

    async def set_up(self, origin: Origin, command: SetUp) -> SessionTokens:
        """The first owner, by the link. Raises `UnauthenticatedError`."""
        good = setup_token.matches(self._folder, command.token.get_secret_value())
        if not good or self._people.directory.has_owner:
            raise _bad_link()
        made = new_id("user")
        tokens = await self._register(
            origin,
            StoredPerson(made, command.name, command.email, await self._passwords.hash(command.password)),
            lambda directory: _first_owner(directory, made),
        )
        setup_token.use_up(self._folder)
        return tokens

    async def accept(self, origin: Origin, user_id: str | None, command: AcceptInvitation) -> SessionTokens | None:
        digest = digest_of(command.token.get_secret_value())
        found, _ = tenancy.accept(self._people.directory, digest, user_id or "", self._clock())
        if user_id is None:
            tokens = await self._accept_as_new(origin, found.id, digest, command)
        else:
            users.require(self._people.directory, user_id)

            def decide(directory: Directory) -> Decided:
                return tenancy.accept(directory, digest, user_id, self._clock())[1], user_id

            await self._people.change(by(origin, user_id), decide)
            tokens = None
        await self._accounts.forget_invited([found.id])
        return tokens

    async def vouched_for(self, origin: Origin, proved: Proved, invitation: str) -> SessionTokens:
        """An account for somebody whom a provider vouches for: only with an invitation, by its link or to an address
        that the provider says is theirs. Raises `UnauthenticatedError`."""
        digests = await self._invitations(proved, invitation)
        if not digests:
            raise UnauthenticatedError("Nobody has invited you here.", remedy="Ask for an invitation to your address.")
        known = self._people.directory.invitations
        ids = [one.id for one in known.values() if one.digest in digests]
        addresses = await self._accounts.invited(ids)
        email = proved.email or next(iter(addresses.values()), None)
        if email is None:
            raise UnauthenticatedError("The provider names no address of yours.", remedy="Let it tell the address.")
        made = new_id("user")
        registered = UserRegistered(user_id=made, how="openid")
        name = proved.name or email.partition("@")[0]
        person = StoredPerson(made, name, email, None, proved.issuer, proved.subject)

        def decide(directory: Directory) -> tuple[DomainEvent, ...]:
            joined = (event for one in digests for event in tenancy.accept(directory, one, made, self._clock())[1])
            return (registered, *joined)

        tokens = await self._register(origin, person, decide)
        await self._accounts.forget_invited(ids)
        return tokens

    async def _invitations(self, proved: Proved, token: str) -> list[str]:
        """The digests of those that are for this person, one a workspace, and still good."""
        now, known = self._clock(), self._people.directory.invitations
        addresses = await self._accounts.invited()
        found: dict[str, str] = {}
        for one in known.values():
            by_link = bool(token) and one.digest == digest_of(token)
            by_address = proved.email is not None and addresses.get(one.id) == proved.email
            gone = one.expires_at <= now or self._people.directory.workspace(one.workspace_id) is None
            if (by_link or by_address) and not gone and (by_link or one.workspace_id not in found):
                found[one.workspace_id] = one.digest
        return list(found.values())

    async def _accept_as_new(
        self, origin: Origin, invitation_id: str, digest: str, command: AcceptInvitation
    ) -> SessionTokens:
        email = (await self._accounts.invited([invitation_id])).get(invitation_id)
        if email is None:
            raise UnauthenticatedError("The invitation is not good any more.", remedy="Ask for another one.")
        present = await self._accounts.with_email(email)
        if present is not None and present.user_id in self._people.directory.users:
            # Before a name and a password are asked for: they would be for nothing.
            raise ConflictError(
                "There is an account with this address already.", remedy="Sign in, and open the link again."
            )
        if command.name is None or command.password is None:
            field = "name" if command.name is None else "password"
            raise BadInputError("A new account needs a name and a password.", field=field)
        made = new_id("user")
        registered = UserRegistered(user_id=made, how="invitation")
        return await self._register(
            origin,
            StoredPerson(made, command.name, email, await self._passwords.hash(command.password)),
            lambda directory: (registered, *tenancy.accept(directory, digest, made, self._clock())[1]),
        )

    async def _register(self, origin: Origin, person: StoredPerson, decide: Also) -> SessionTokens:
        """In one turn: a row without its account is for the next one to take away."""
        async with self._people.turn() as turn:
            decide(turn.directory)  # a refusal shall leave no row
            await self._accounts.put(person, turn.directory)
            return await self._office.begin(turn, origin, person.user_id, decide)


def _first_owner(directory: Directory, user_id: str) -> tuple[DomainEvent, ...]:
    if directory.has_owner:
        raise _bad_link()
    return (
        UserRegistered(user_id=user_id, how="first-owner", administrator=True),
        MemberAdded(workspace_id=DEFAULT_WORKSPACE, user_id=user_id, role=MemberRole.OWNER),
    )


def _bad_link() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The link is not good, or not any more.", remedy="`vapora up` prints it at its start, until there is an owner."
    )
