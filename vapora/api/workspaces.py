"""The workspaces of the installation: who belongs to each, who is invited, and its teams."""

from __future__ import annotations

from fastapi import APIRouter, Request

from events.ids import MemberRole
from vapora.api.caller import AskedBy
from vapora.api.context import Cursor, Limit
from vapora.api.gate import LetIn
from vapora.api.hosts import public_base
from vapora.api.pages import page_of
from vapora.api.people_context import AllPeople, FreshPeople, PeopleWriting
from vapora.clock import now
from vapora.commands import (
    AddMember,
    ChangeMember,
    CreateTeam,
    CreateWorkspace,
    DeleteWorkspace,
    EditTeam,
    EditWorkspace,
    Invite,
    RemoveMember,
    RemoveTeam,
    WithdrawInvitation,
)
from vapora.domain.people import tenancy
from vapora.domain.people.standing import role_of
from vapora.views import (
    Accepted,
    InvitationMade,
    InvitationView,
    Member,
    Page,
    TeamView,
    WorkspaceView,
)

router = APIRouter(prefix="/workspaces", tags=["people"])

_LOOKS_AFTER = (MemberRole.ADMIN, MemberRole.OWNER)


@router.get("", summary="List the workspaces")
async def list_workspaces(
    caller: AskedBy, directory: FreshPeople, limit: Limit = 100, cursor: Cursor = None
) -> Page[WorkspaceView]:
    """Those that one belongs to; all of them, by name alone, for who looks after the installation."""
    user = directory.users.get(caller.id) if caller.kind == "user" else None
    sees_all = not caller.is_anybody or (user is not None and user.administrator)
    found = [
        WorkspaceView(id=one.id, name=one.name, archived=one.archived, role=role)
        for one in directory.workspaces.values()
        if not one.deleted and ((role := role_of(directory, caller.name, one.id, now())) is not None or sees_all)
    ]
    return page_of(sorted(found, key=lambda one: one.id), lambda one: one.id, limit, cursor)


@router.post("", status_code=201, summary="Make a workspace")
async def create_workspace(body: CreateWorkspace, writing: PeopleWriting) -> Accepted:
    """With a log, agents and budgets of its own. Who makes it is its owner."""
    return await writing.carry_out(body)


@router.get("/{workspace_id}", summary="Show a workspace")
async def get_workspace(workspace_id: str, caller: AskedBy, directory: FreshPeople) -> WorkspaceView:
    """Its name, and what one is in it."""
    found = tenancy.require(directory, workspace_id)
    role = role_of(directory, caller.name, workspace_id, now())
    return WorkspaceView(id=found.id, name=found.name, archived=found.archived, role=role)


@router.patch("/{workspace_id}", summary="Rename or archive a workspace")
async def edit_workspace(workspace_id: str, body: EditWorkspace, writing: PeopleWriting) -> Accepted:
    """In an archived workspace nothing starts and nothing changes, until it is restored."""
    return await writing.carry_out(body, workspace_id=workspace_id)


@router.delete("/{workspace_id}", summary="Delete a workspace")
async def delete_workspace(workspace_id: str, writing: PeopleWriting) -> Accepted:
    """For good, with all that is in it. An export of it is made first, and stays on the server."""
    return await writing.carry_out(DeleteWorkspace(), workspace_id=workspace_id)


@router.get("/{workspace_id}/members", summary="List the members")
async def list_members(
    workspace_id: str,
    admitted: LetIn,
    people: AllPeople,
    directory: FreshPeople,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Member]:
    """Their addresses are shown to admins and owners alone."""
    members = tenancy.require(directory, workspace_id).members
    known = {one.user_id: one for one in await people.identity.people(tuple(members))}
    shown = admitted.principal.role in _LOOKS_AFTER
    items = [
        Member(user_id=id_, name=known[id_].name, email=known[id_].email if shown else "", role=role)
        for id_, role in sorted(members.items())
        if id_ in known
    ]
    return page_of(items, lambda one: one.user_id, limit, cursor)


@router.post("/{workspace_id}/members", status_code=201, summary="Add a member")
async def add_member(workspace_id: str, body: AddMember, writing: PeopleWriting) -> Accepted:
    """Somebody who has an account here. Others are invited."""
    return await writing.carry_out(body, workspace_id=workspace_id)


@router.patch("/{workspace_id}/members/{user_id}", summary="Change a member's role")
async def change_member(workspace_id: str, user_id: str, body: ChangeMember, writing: PeopleWriting) -> Accepted:
    """Owners are made and unmade by owners alone, and the last one stays."""
    return await writing.carry_out(body, user_id, workspace_id)


@router.delete("/{workspace_id}/members/{user_id}", summary="Remove a member")
async def remove_member(workspace_id: str, user_id: str, writing: PeopleWriting) -> Accepted:
    """They see nothing of the workspace from then on; what they did stays."""
    return await writing.carry_out(RemoveMember(), user_id, workspace_id)


@router.get("/{workspace_id}/invitations", summary="List the open invitations")
async def list_invitations(
    workspace_id: str, people: AllPeople, directory: FreshPeople, limit: Limit = 100, cursor: Cursor = None
) -> Page[InvitationView]:
    """Their links are shown nowhere again."""
    tenancy.require(directory, workspace_id)
    at = now()
    wanted = [one for one in directory.invitations.values() if one.workspace_id == workspace_id and one.expires_at > at]
    emails = await people.identity.invited([one.id for one in wanted])
    items = [
        InvitationView(id=one.id, email=emails.get(one.id, ""), role=one.role, expires_at=one.expires_at)
        for one in sorted(wanted, key=lambda one: one.id)
    ]
    return page_of(items, lambda one: one.id, limit, cursor)


@router.post("/{workspace_id}/invitations", status_code=201, summary="Invite somebody")
async def invite(workspace_id: str, body: Invite, writing: PeopleWriting, request: Request) -> InvitationMade:
    """`link` is for the person who is invited, under the address that the settings name for browsers, else under the
    one of this request. It is shown this once; VAPORA sends no mail."""
    made = await writing.identity.invite(writing.origin, body, workspace_id, writing.key)
    await writing.wrote(made.position)
    return made.model_copy(update={"link": f"{public_base(request)}/accept#{made.token}"})


@router.delete("/{workspace_id}/invitations/{invitation_id}", summary="Withdraw an invitation")
async def withdraw_invitation(workspace_id: str, invitation_id: str, writing: PeopleWriting) -> Accepted:
    """Its link is no longer good."""
    return await writing.carry_out(WithdrawInvitation(), invitation_id, workspace_id)


@router.get("/{workspace_id}/teams", summary="List the teams")
async def list_teams(
    workspace_id: str, directory: FreshPeople, limit: Limit = 100, cursor: Cursor = None
) -> Page[TeamView]:
    """Members under one name, for policies and the scopes of tokens."""
    teams = tenancy.require(directory, workspace_id).teams
    items = [TeamView(id=one.id, name=one.name, members=one.members) for _, one in sorted(teams.items())]
    return page_of(items, lambda one: one.id, limit, cursor)


@router.post("/{workspace_id}/teams", status_code=201, summary="Make a team")
async def create_team(workspace_id: str, body: CreateTeam, writing: PeopleWriting) -> Accepted:
    """Without members; editing it gives it some."""
    return await writing.carry_out(body, workspace_id=workspace_id)


@router.patch("/{workspace_id}/teams/{team_id}", summary="Edit a team")
async def edit_team(workspace_id: str, team_id: str, body: EditTeam, writing: PeopleWriting) -> Accepted:
    """`members`, where they are sent, are all of them."""
    return await writing.carry_out(body, team_id, workspace_id)


@router.delete("/{workspace_id}/teams/{team_id}", summary="Remove a team")
async def remove_team(workspace_id: str, team_id: str, writing: PeopleWriting) -> Accepted:
    """Its members stay in the workspace."""
    return await writing.carry_out(RemoveTeam(), team_id, workspace_id)
