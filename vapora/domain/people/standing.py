"""What somebody is in a workspace, whichever kind of somebody it is."""

from __future__ import annotations

from datetime import datetime

from events.ids import MemberRole
from vapora.domain.people.directory import Directory, Token

# From the least to the most: who is more may do what who is less may.
_RANK = {
    role: rank for rank, role in enumerate((MemberRole.VIEWER, MemberRole.MEMBER, MemberRole.ADMIN, MemberRole.OWNER))
}
# Whoever can read the data folder, and whoever sits at the machine while nobody has to sign in.
SOVEREIGN = frozenset({"operator", "user:local"})


def at_least(role: MemberRole | None, least: MemberRole) -> bool:
    return role is not None and _RANK[role] >= _RANK[least]


def lesser(one: MemberRole, other: MemberRole) -> MemberRole:
    return min(one, other, key=_RANK.__getitem__)


def role_of(directory: Directory, actor: str, workspace_id: str, at: datetime) -> MemberRole | None:
    """`actor`: as the log names who does something. None: nothing at all, as of a workspace that does not exist."""
    if directory.workspace(workspace_id) is None:
        return None
    if actor in SOVEREIGN:
        return MemberRole.OWNER
    kind, _, id_ = actor.partition(":")
    if kind == "user":
        user = directory.users.get(id_)
        return directory.role(id_, workspace_id) if user is not None and user.may_sign_in else None
    token = directory.tokens.get(id_) if kind == "token" else None
    return None if token is None else token_role(directory, token, workspace_id, at)


def token_role(directory: Directory, token: Token, workspace_id: str, at: datetime) -> MemberRole | None:
    """What a token may be there: what its scopes say, and never more than who issued it is there today."""
    if token.expires_at is not None and token.expires_at <= at:
        return None
    said = [role for scope in token.scopes if (role := _said(directory, scope, workspace_id)) is not None]
    issuer = None if token.issued_by.startswith("token:") else role_of(directory, token.issued_by, workspace_id, at)
    if not said or issuer is None:
        return None
    return lesser(max(said, key=_RANK.__getitem__), issuer)


def workspaces_of(directory: Directory, actor: str, at: datetime) -> dict[str, MemberRole]:
    """All that the actor is anything in, by id."""
    roles = {one: role_of(directory, actor, one, at) for one in directory.workspaces}
    return {one: role for one, role in roles.items() if role is not None}


def _said(directory: Directory, scope: str, workspace_id: str) -> MemberRole | None:
    kind, _, rest = scope.partition(":")
    name, _, role = rest.partition(":")
    if kind == "workspace":
        return MemberRole(role or MemberRole.MEMBER) if name == workspace_id else None
    workspace = directory.workspace(workspace_id)
    return MemberRole.MEMBER if workspace is not None and name in workspace.teams else None
