"""Rules about workspaces, their members, teams, invitations and tokens.

Who may give such an order at all is asked of the policies (`vapora.domain.access`). Here stands what no policy can
change: a workspace keeps an owner, only owners make owners, and nobody gives away more than they have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from events import identity
from events.base import DomainEvent
from events.ids import DEFAULT_WORKSPACE, LONGEST_WORKSPACE, MemberRole
from vapora.commands import (
    AddMember,
    ChangeMember,
    Command,
    CreateTeam,
    CreateWorkspace,
    DeleteWorkspace,
    EditTeam,
    EditWorkspace,
    Invite,
    IssueToken,
    RemoveMember,
    RemoveTeam,
    RevokeToken,
    SetPolicies,
    WithdrawInvitation,
)
from vapora.domain.people.directory import Directory, Invitation, Workspace
from vapora.domain.people.standing import at_least, role_of
from vapora.errors import (
    BadInputError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    no_such_workspace,
)

INVITATION_LIVES = timedelta(days=7)
_MOST_TOKENS = 1_000
_MOST_TEAMS = 500
_MOST_INVITATIONS = 1_000

Events = tuple[DomainEvent, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, about which workspace and which thing in it (its id in the path), and when. `made`: an id for what is
    new. `digest`: of the random text that a token or an invitation is; `export`: where the deleted workspace's archive
    is."""

    by: str
    at: datetime
    workspace_id: str = ""
    target: str = ""
    made: str = ""
    digest: str = ""
    export: str = ""


def decide(directory: Directory, command: Command, asked: Asked) -> Events:
    """What `command` leads to; nothing where it is so already. Raises `NotFoundError`, `ConflictError`, `BadInputError`
    and, for what only an owner may give or take, `ForbiddenError`."""
    if isinstance(command, CreateWorkspace):
        return _create(directory, command, asked)
    workspace = require(directory, asked.workspace_id)
    return _RULES[type(command)](directory, workspace, command, asked)


def require(directory: Directory, workspace_id: str) -> Workspace:
    """The workspace, or `NotFoundError`."""
    found = directory.workspace(workspace_id)
    if found is None:
        raise no_such_workspace(workspace_id)
    return found


def free_id(directory: Directory, name: str) -> str:
    """An id made of a name that no workspace has or had."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: LONGEST_WORKSPACE - 7].strip("-") or "workspace"
    number, candidate = 1, words
    while candidate in directory.workspaces:
        number += 1
        candidate = f"{words}-{number}"
    return candidate


def accept(directory: Directory, digest: str, user_id: str, at: datetime) -> tuple[Invitation, Events]:
    """A person takes an invitation. Raises `UnauthenticatedError` where it is none, or no longer good."""
    found = next((one for one in directory.invitations.values() if one.digest == digest), None)
    if found is None or found.expires_at <= at or directory.workspace(found.workspace_id) is None:
        raise UnauthenticatedError("The invitation is not good any more.", remedy="Ask for another one.")
    ended = identity.InvitationEnded(invitation_id=found.id, workspace_id=found.workspace_id, user_id=user_id)
    present = directory.role(user_id, found.workspace_id)
    if at_least(present, found.role):
        return found, (ended,)
    place = {"workspace_id": found.workspace_id, "user_id": user_id, "role": found.role}
    joined = identity.MemberAdded(**place) if present is None else identity.MemberChanged(**place)
    return found, (joined, ended)


def _create(directory: Directory, command: CreateWorkspace, asked: Asked) -> Events:
    if asked.made in directory.workspaces:
        raise ConflictError(
            f"There is, or was, a workspace '{asked.made}'.", remedy="Choose another id: one is never given twice."
        )
    made = identity.WorkspaceCreated(workspace_id=asked.made, name=command.name)
    kind, _, user_id = asked.by.partition(":")
    if kind != "user" or user_id not in directory.users:
        return (made,)
    return made, identity.MemberAdded(workspace_id=asked.made, user_id=user_id, role=MemberRole.OWNER)


def _edit(directory: Directory, workspace: Workspace, command: EditWorkspace, asked: Asked) -> Events:
    said = command.changes()
    if said.get("archived") and workspace.id == DEFAULT_WORKSPACE:
        raise ConflictError("The default workspace cannot be archived.", remedy="Archive its projects instead.")
    changed = {field: value for field, value in said.items() if getattr(workspace, field) != value}
    return (identity.WorkspaceChanged(workspace_id=workspace.id, **changed),) if changed else ()


def _delete(directory: Directory, workspace: Workspace, command: DeleteWorkspace, asked: Asked) -> Events:
    if workspace.id == DEFAULT_WORKSPACE:
        raise ConflictError("The default workspace cannot be deleted.", remedy="Archive its projects instead.")
    return (identity.WorkspaceDeleted(workspace_id=workspace.id, export=asked.export),)


def _add_member(directory: Directory, workspace: Workspace, command: AddMember, asked: Asked) -> Events:
    user = directory.users.get(command.user_id)
    if user is None or not user.may_sign_in:
        raise BadInputError(f"There is no user '{command.user_id}'.", remedy="Invite the person.", field="user_id")
    _may_give(directory, workspace, command.role, asked)
    present = workspace.members.get(user.id)
    if present is command.role:
        return ()
    if present is not None:
        raise ConflictError(f"The person is {present.value} already.", remedy="Change the role of the member.")
    return (identity.MemberAdded(workspace_id=workspace.id, user_id=user.id, role=command.role),)


def _change_member(directory: Directory, workspace: Workspace, command: ChangeMember, asked: Asked) -> Events:
    present = _member(workspace, asked.target)
    _may_give(directory, workspace, command.role, asked)
    _may_give(directory, workspace, present, asked)
    if present is command.role:
        return ()
    _keep_an_owner(directory, workspace, asked.target)
    return (identity.MemberChanged(workspace_id=workspace.id, user_id=asked.target, role=command.role),)


def _remove_member(directory: Directory, workspace: Workspace, command: RemoveMember, asked: Asked) -> Events:
    present = _member(workspace, asked.target)
    if asked.by != f"user:{asked.target}":
        _may_give(directory, workspace, present, asked)
    _keep_an_owner(directory, workspace, asked.target)
    return (identity.MemberRemoved(workspace_id=workspace.id, user_id=asked.target),)


def _invite(directory: Directory, workspace: Workspace, command: Invite, asked: Asked) -> Events:
    _may_give(directory, workspace, command.role, asked)
    _bounded(sum(one.workspace_id == workspace.id for one in directory.invitations.values()), _MOST_INVITATIONS)
    return (
        identity.InvitationMade(
            invitation_id=asked.made,
            workspace_id=workspace.id,
            role=command.role,
            digest=asked.digest,
            expires_at=asked.at + INVITATION_LIVES,
        ),
    )


def _withdraw(directory: Directory, workspace: Workspace, command: WithdrawInvitation, asked: Asked) -> Events:
    found = directory.invitations.get(asked.target)
    if found is None or found.workspace_id != workspace.id:
        raise NotFoundError(f"There is no invitation '{asked.target}'.", remedy="Check the id.")
    return (identity.InvitationEnded(invitation_id=found.id, workspace_id=workspace.id),)


def _create_team(directory: Directory, workspace: Workspace, command: CreateTeam, asked: Asked) -> Events:
    _free_name(workspace, command.name, "")
    _bounded(len(workspace.teams), _MOST_TEAMS)
    return (identity.TeamCreated(workspace_id=workspace.id, team_id=asked.made, name=command.name),)


def _edit_team(directory: Directory, workspace: Workspace, command: EditTeam, asked: Asked) -> Events:
    team = _team(workspace, asked.target)
    said = command.changes()
    if "name" in said:
        _free_name(workspace, said["name"], team.id)
    if "members" in said:
        said["members"] = tuple(dict.fromkeys(said["members"]))
        strangers = [one for one in said["members"] if one not in workspace.members]
        if strangers:
            raise BadInputError(
                f"'{strangers[0]}' is no member of the workspace.", remedy="Add the member first.", field="members"
            )
    changed = {field: value for field, value in said.items() if getattr(team, field) != value}
    return (identity.TeamChanged(workspace_id=workspace.id, team_id=team.id, **changed),) if changed else ()


def _remove_team(directory: Directory, workspace: Workspace, command: RemoveTeam, asked: Asked) -> Events:
    team = _team(workspace, asked.target)
    return (identity.TeamRemoved(workspace_id=workspace.id, team_id=team.id),)


def _issue_token(directory: Directory, workspace: Workspace, command: IssueToken, asked: Asked) -> Events:
    if asked.by.startswith("token:"):
        raise ForbiddenError("A token makes no tokens.", remedy="Sign in as a person.", action="issue_token")
    if command.expires_at is not None and command.expires_at <= asked.at:
        raise BadInputError("It would have expired already.", remedy="Name a later instant.", field="expires_at")
    _bounded(sum(one.workspace_id == workspace.id for one in directory.tokens.values()), _MOST_TOKENS)
    for scope in command.scopes:
        _may_scope(directory, workspace, scope, asked)
    return (
        identity.TokenIssued(
            token_id=asked.made,
            workspace_id=workspace.id,
            name=command.name,
            digest=asked.digest,
            scopes=tuple(dict.fromkeys(command.scopes)),
            expires_at=command.expires_at,
            issued_by=asked.by,
        ),
    )


def _revoke_token(directory: Directory, workspace: Workspace, command: RevokeToken, asked: Asked) -> Events:
    found = directory.tokens.get(asked.target)
    if found is None or found.workspace_id != workspace.id:
        raise NotFoundError(f"There is no token '{asked.target}'.", remedy="Check the id.")
    return (identity.TokenRevoked(token_id=found.id, workspace_id=workspace.id),)


def _set_policies(directory: Directory, workspace: Workspace, command: SetPolicies, asked: Asked) -> Events:
    if command.text == workspace.policies:
        return ()
    return (identity.PoliciesChanged(workspace_id=workspace.id, text=command.text),)


_RULES: Mapping[type[Command], Callable[[Directory, Workspace, Any, Asked], Events]] = {
    EditWorkspace: _edit,
    DeleteWorkspace: _delete,
    AddMember: _add_member,
    ChangeMember: _change_member,
    RemoveMember: _remove_member,
    Invite: _invite,
    WithdrawInvitation: _withdraw,
    CreateTeam: _create_team,
    EditTeam: _edit_team,
    RemoveTeam: _remove_team,
    IssueToken: _issue_token,
    RevokeToken: _revoke_token,
    SetPolicies: _set_policies,
}


def _member(workspace: Workspace, user_id: str) -> MemberRole:
    present = workspace.members.get(user_id)
    if present is None:
        raise NotFoundError(f"There is no member '{user_id}'.", remedy="Check the id.")
    return present


def _team(workspace: Workspace, team_id: str) -> Any:
    found = workspace.teams.get(team_id)
    if found is None:
        raise NotFoundError(f"There is no team '{team_id}'.", remedy="Check the id.")
    return found


def _may_give(directory: Directory, workspace: Workspace, role: MemberRole, asked: Asked) -> None:
    """Nobody makes, changes or removes somebody who is more than they are themselves."""
    if not at_least(role_of(directory, asked.by, workspace.id, asked.at), role):
        raise ForbiddenError(
            f"Only who is {role.value} or more decides who is {role.value}.",
            remedy="Ask an owner of the workspace.",
            action="members",
        )


def _keep_an_owner(directory: Directory, workspace: Workspace, leaving: str) -> None:
    owners = {one for one, role in workspace.members.items() if role is MemberRole.OWNER}
    if owners == {leaving}:
        raise ConflictError("The workspace would have no owner.", remedy="Make somebody else an owner first.")


def _free_name(workspace: Workspace, name: str, own: str) -> None:
    if any(team.name.casefold() == name.casefold() and team.id != own for team in workspace.teams.values()):
        raise ConflictError(f"There is a team '{name}' already.", remedy="Choose another name.")


def _bounded(present: int, most: int) -> None:
    if present >= most:
        raise ConflictError(f"There are {present} already, and no more than {most}.", remedy="Remove some first.")


def _may_scope(directory: Directory, workspace: Workspace, scope: str, asked: Asked) -> None:
    kind, _, rest = scope.partition(":")
    name, _, role = rest.partition(":")
    if kind == "team":
        _team(workspace, name)
        return
    needed = MemberRole(role or MemberRole.MEMBER)
    if not at_least(role_of(directory, asked.by, name, asked.at), needed):
        # The same word for a workspace of others and for none.
        raise BadInputError(
            f"You are not {needed.value} in a workspace '{name}'.", remedy="Ask for less.", field="scopes"
        )
