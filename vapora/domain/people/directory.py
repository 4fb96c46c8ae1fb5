"""The people log folded: users, sessions, workspaces with their members, and tokens.

One object for all of it, changed in place: the owner of the people log decides on it, and each replica of the API asks
it with every request, so that a look costs a few dictionaries and no call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from events import identity
from events.base import DomainEvent
from events.ids import DEFAULT_WORKSPACE, MemberRole
from events.recorded import Recorded

# Sessions that have expired are forgotten each time so many have begun: no event says that one has.
_SWEPT_EVERY = 500


@dataclass(slots=True)
class User:
    id: str
    administrator: bool = False
    disabled: bool = False
    erased: bool = False

    @property
    def may_sign_in(self) -> bool:
        return not (self.disabled or self.erased)


@dataclass(slots=True)
class Session:
    """`unused`: digests of refresh tokens that nobody has used yet, the newest last; more than one where two tabs
    refreshed at once. `used`: the others, with the instant of their first use, as far back as a token lives. All of a
    session's tokens are one family: it ends as a whole."""

    id: str
    user_id: str
    expires_at: datetime
    unused: list[str]
    used: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Team:
    id: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Invitation:
    id: str
    workspace_id: str
    role: MemberRole
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Token:
    id: str
    workspace_id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    issued_by: str


@dataclass(slots=True)
class Workspace:
    id: str
    name: str
    archived: bool = False
    deleted: bool = False
    policies: str = ""
    members: dict[str, MemberRole] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)


class Directory:
    """`position`: of the last event that it has seen. Ended sessions, revoked tokens and ended invitations are gone
    from it, expired sessions after a while; erased users and deleted workspaces stay, since their ids are never given
    again."""

    def __init__(self) -> None:
        self.position = 0
        self.versions: dict[str, int] = {}
        self.users: dict[str, User] = {}
        self.sessions: dict[str, Session] = {}
        self.tokens: dict[str, Token] = {}
        self.invitations: dict[str, Invitation] = {}
        # It is there before anybody made it.
        self.workspaces: dict[str, Workspace] = {DEFAULT_WORKSPACE: Workspace(DEFAULT_WORKSPACE, "")}
        # By digest: what a request brings.
        self.tokens_by_digest: dict[str, Token] = {}
        self.sessions_by_digest: dict[str, Session] = {}
        self._started = 0

    def apply(self, recorded: Recorded) -> None:
        """Fold one event; the next one in the log's order. What it does not know it passes by."""
        handler = self._HANDLERS.get(type(recorded.event))
        if handler is not None:
            handler(self, recorded.event, recorded.recorded_at)
        self.versions[recorded.stream] = recorded.version
        self.position = recorded.position

    # --- asking ---

    @property
    def has_owner(self) -> bool:
        """Whether anybody can sign in as the owner of something: then everybody has to."""
        return any(user.administrator and user.may_sign_in for user in self.users.values())

    def workspace(self, workspace_id: str) -> Workspace | None:
        """None for one that does not exist, or not any more."""
        found = self.workspaces.get(workspace_id)
        return None if found is None or found.deleted else found

    def role(self, user_id: str, workspace_id: str) -> MemberRole | None:
        """What the person is there; None for who is no member."""
        workspace = self.workspace(workspace_id)
        return None if workspace is None else workspace.members.get(user_id)

    def workspaces_of(self, user_id: str) -> tuple[Workspace, ...]:
        return tuple(one for one in self.workspaces.values() if not one.deleted and user_id in one.members)

    def sessions_of(self, user_id: str) -> tuple[Session, ...]:
        return tuple(one for one in self.sessions.values() if one.user_id == user_id)

    def version(self, stream: str) -> int:
        return self.versions.get(stream, 0)

    # --- folding ---

    def _user_registered(self, event: identity.UserRegistered, at: datetime) -> None:
        self.users[event.user_id] = User(event.user_id, event.administrator)

    def _user_changed(self, event: identity.UserChanged, at: datetime) -> None:
        user = self.users[event.user_id]
        if event.administrator is not None:
            user.administrator = event.administrator
        if event.disabled is not None:
            user.disabled = event.disabled

    def _user_erased(self, event: identity.UserErased, at: datetime) -> None:
        self.users[event.user_id].erased = True
        for workspace in self.workspaces.values():
            workspace.members.pop(event.user_id, None)
            for team in workspace.teams.values():
                team.members = tuple(one for one in team.members if one != event.user_id)

    def _session_started(self, event: identity.SessionStarted, at: datetime) -> None:
        self._started += 1
        if self._started % _SWEPT_EVERY == 0:
            for session in [one for one in self.sessions.values() if one.expires_at <= at]:
                self._forget_session(session.id)
        session = Session(event.session_id, event.user_id, event.expires_at, [event.refresh_digest])
        self.sessions[session.id] = self.sessions_by_digest[event.refresh_digest] = session

    def _session_refreshed(self, event: identity.SessionRefreshed, at: datetime) -> None:
        session = self.sessions.get(event.session_id)
        if session is None:
            return
        session.used.setdefault(event.used_digest, at)
        if event.used_digest in session.unused:
            session.unused.remove(event.used_digest)
        session.unused.append(event.refresh_digest)
        self.sessions_by_digest[event.refresh_digest] = session
        session.expires_at = event.expires_at
        # What was used longer ago than a token lives would be refused in any case.
        forgotten = at - (event.expires_at - at)
        for digest in [one for one, first in session.used.items() if first < forgotten]:
            del session.used[digest]
            self.sessions_by_digest.pop(digest, None)

    def _session_ended(self, event: identity.SessionEnded, at: datetime) -> None:
        self._forget_session(event.session_id)

    def _forget_session(self, session_id: str) -> None:
        if (session := self.sessions.pop(session_id, None)) is not None:
            for digest in (*session.unused, *session.used):
                self.sessions_by_digest.pop(digest, None)

    def _workspace_created(self, event: identity.WorkspaceCreated, at: datetime) -> None:
        self.workspaces[event.workspace_id] = Workspace(event.workspace_id, event.name)

    def _workspace_changed(self, event: identity.WorkspaceChanged, at: datetime) -> None:
        workspace = self.workspaces[event.workspace_id]
        if event.name is not None:
            workspace.name = event.name
        if event.archived is not None:
            workspace.archived = event.archived

    def _workspace_deleted(self, event: identity.WorkspaceDeleted, at: datetime) -> None:
        self.workspaces[event.workspace_id] = Workspace(event.workspace_id, "", deleted=True)
        for token in [one for one in self.tokens.values() if one.workspace_id == event.workspace_id]:
            self._forget_token(token.id)
        for invitation in [one for one in self.invitations.values() if one.workspace_id == event.workspace_id]:
            del self.invitations[invitation.id]

    def _member_set(self, event: identity.MemberAdded | identity.MemberChanged, at: datetime) -> None:
        self.workspaces[event.workspace_id].members[event.user_id] = event.role

    def _member_removed(self, event: identity.MemberRemoved, at: datetime) -> None:
        workspace = self.workspaces[event.workspace_id]
        workspace.members.pop(event.user_id, None)
        for team in workspace.teams.values():
            team.members = tuple(one for one in team.members if one != event.user_id)

    def _team_created(self, event: identity.TeamCreated, at: datetime) -> None:
        self.workspaces[event.workspace_id].teams[event.team_id] = Team(event.team_id, event.name)

    def _team_changed(self, event: identity.TeamChanged, at: datetime) -> None:
        team = self.workspaces[event.workspace_id].teams[event.team_id]
        if event.name is not None:
            team.name = event.name
        if event.members is not None:
            team.members = event.members

    def _team_removed(self, event: identity.TeamRemoved, at: datetime) -> None:
        self.workspaces[event.workspace_id].teams.pop(event.team_id, None)

    def _invitation_made(self, event: identity.InvitationMade, at: datetime) -> None:
        self.invitations[event.invitation_id] = Invitation(
            event.invitation_id, event.workspace_id, event.role, event.digest, event.expires_at
        )

    def _invitation_ended(self, event: identity.InvitationEnded, at: datetime) -> None:
        self.invitations.pop(event.invitation_id, None)

    def _token_issued(self, event: identity.TokenIssued, at: datetime) -> None:
        token = Token(
            event.token_id,
            event.workspace_id,
            event.name,
            event.digest,
            event.scopes,
            event.expires_at,
            event.issued_by,
        )
        self.tokens[token.id] = self.tokens_by_digest[token.digest] = token

    def _token_revoked(self, event: identity.TokenRevoked, at: datetime) -> None:
        self._forget_token(event.token_id)

    def _forget_token(self, token_id: str) -> None:
        if (token := self.tokens.pop(token_id, None)) is not None:
            self.tokens_by_digest.pop(token.digest, None)

    def _policies_changed(self, event: identity.PoliciesChanged, at: datetime) -> None:
        self.workspaces[event.workspace_id].policies = event.text

    _HANDLERS: ClassVar[Mapping[type[DomainEvent], Callable[[Any, Any, datetime], None]]] = {
        identity.UserRegistered: _user_registered,
        identity.UserChanged: _user_changed,
        identity.UserErased: _user_erased,
        identity.SessionStarted: _session_started,
        identity.SessionRefreshed: _session_refreshed,
        identity.SessionEnded: _session_ended,
        identity.WorkspaceCreated: _workspace_created,
        identity.WorkspaceChanged: _workspace_changed,
        identity.WorkspaceDeleted: _workspace_deleted,
        identity.MemberAdded: _member_set,
        identity.MemberChanged: _member_set,
        identity.MemberRemoved: _member_removed,
        identity.TeamCreated: _team_created,
        identity.TeamChanged: _team_changed,
        identity.TeamRemoved: _team_removed,
        identity.InvitationMade: _invitation_made,
        identity.InvitationEnded: _invitation_ended,
        identity.TokenIssued: _token_issued,
        identity.TokenRevoked: _token_revoked,
        identity.PoliciesChanged: _policies_changed,
    }
