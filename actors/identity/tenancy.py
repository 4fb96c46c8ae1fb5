"""Workspaces with their members, teams, invitations, tokens and policies, as the rules of tenancy decide about them."""

from __future__ import annotations

from typing import Protocol

from actors.identity.accounts import Accounts
from actors.identity.people_log import Decided, PeopleLog
from vapora.clock import Clock, new_id
from vapora.commands import (
    AddMember,
    Command,
    CreateTeam,
    CreateWorkspace,
    DeleteWorkspace,
    EditWorkspace,
    Invite,
    IssueToken,
)
from vapora.domain.people import Directory, tenancy
from vapora.domain.people.tenancy import Asked
from vapora.errors import ConflictError
from vapora.identity import SERVICE_PREFIX, digest_of, new_secret
from vapora.ports import Origin, RequestKey
from vapora.views import Accepted, InvitationMade, TokenMade


class Cells(Protocol):
    """The cells of workspaces, as far as their being there goes: see `vapora.ports.ActorSystemPort`."""

    async def create(self, workspace: str) -> None: ...

    async def archive(self, workspace: str) -> None: ...

    async def restore(self, workspace: str) -> None: ...

    async def delete(self, workspace: str) -> str: ...


class Tenancy:
    def __init__(self, people: PeopleLog, accounts: Accounts, cells: Cells, clock: Clock) -> None:
        self._people = people
        self._accounts = accounts
        self._cells = cells
        self._clock = clock

    async def carry_out(
        self, origin: Origin, command: Command, target: str, workspace_id: str, key: RequestKey | None
    ) -> Accepted:
        match command:
            case CreateWorkspace():
                return await self._create(origin, command, key)
            case DeleteWorkspace():
                return await self._delete(origin, command, workspace_id)
            case EditWorkspace() if command.archived is not None:
                return await self._archive(origin, command, workspace_id)
        made = new_id("team") if isinstance(command, CreateTeam) else ""
        id_ = command.user_id if isinstance(command, AddMember) else made or target or workspace_id

        def decide(directory: Directory) -> Decided:
            return tenancy.decide(directory, command, self._asked(origin, workspace_id, target, made)), id_

        return await self._people.change(origin, decide, key)

    async def issue_token(
        self, origin: Origin, command: IssueToken, workspace_id: str, key: RequestKey | None
    ) -> TokenMade:
        made, secret = new_id("token"), new_secret(SERVICE_PREFIX)
        accepted = await self._shown_once(origin, command, workspace_id, made, secret, key)
        return TokenMade(id=made, token=secret, position=accepted.position)

    async def invite(
        self, origin: Origin, command: Invite, workspace_id: str, key: RequestKey | None
    ) -> InvitationMade:
        made, secret = new_id("invitation"), new_secret()
        tenancy.decide(self._people.directory, command, self._asked(origin, workspace_id, "", made, secret))
        await self._forget_expired()
        await self._accounts.put_invited(made, command.email)
        accepted = await self._shown_once(origin, command, workspace_id, made, secret, key)
        invitation = self._people.directory.invitations[made]
        return InvitationMade(id=made, token=secret, expires_at=invitation.expires_at, position=accepted.position)

    async def _shown_once(
        self, origin: Origin, command: Command, workspace_id: str, made: str, secret: str, key: RequestKey | None
    ) -> Accepted:
        """The secret itself is kept nowhere, so a request that comes again cannot be given it again."""

        def decide(directory: Directory) -> Decided:
            return tenancy.decide(directory, command, self._asked(origin, workspace_id, "", made, secret)), made

        accepted = await self._people.change(origin, decide, key)
        if accepted.id != made:
            raise ConflictError(
                f"This request was carried out before: it made '{accepted.id}', whose secret was shown once.",
                remedy="If that answer was lost, take the thing back, and send the request with a new key.",
                id=accepted.id,
            )
        return accepted

    async def _create(self, origin: Origin, command: CreateWorkspace, key: RequestKey | None) -> Accepted:
        async with self._people.turn() as turn:
            if (answered := await turn.answered(key)) is not None:
                return answered
            made = command.id or tenancy.free_id(turn.directory, command.name)
            asked = self._asked(origin, made, "", made)
            tenancy.decide(turn.directory, command, asked)
            # The cell first: one that nobody may reach yet harms nobody, a workspace without a cell would.
            await self._cells.create(made)
            return await turn.change(origin, lambda now: (tenancy.decide(now, command, asked), made), key)

    async def _archive(self, origin: Origin, command: EditWorkspace, workspace_id: str) -> Accepted:
        asked = self._asked(origin, workspace_id)
        tenancy.decide(self._people.directory, command, asked)
        await (self._cells.archive if command.archived else self._cells.restore)(workspace_id)
        return await self._people.change(origin, lambda now: (tenancy.decide(now, command, asked), workspace_id))

    async def _delete(self, origin: Origin, command: DeleteWorkspace, workspace_id: str) -> Accepted:
        tenancy.decide(self._people.directory, command, self._asked(origin, workspace_id))
        # It may take minutes, in which others sign in: no turn is held.
        export = await self._cells.delete(workspace_id)
        asked = self._asked(origin, workspace_id, export=export)
        return await self._people.change(origin, lambda now: (tenancy.decide(now, command, asked), workspace_id))

    async def _forget_expired(self) -> None:
        now, known = self._clock(), self._people.directory.invitations
        rows = await self._accounts.invited()
        await self._accounts.forget_invited(
            [one for one in rows if (found := known.get(one)) is not None and found.expires_at <= now]
        )

    def _asked(
        self, origin: Origin, workspace_id: str, target: str = "", made: str = "", secret: str = "", export: str = ""
    ) -> Asked:
        digest = digest_of(secret) if secret else ""
        return Asked(origin.actor, self._clock(), workspace_id, target, made, digest, export)
