"""People, workspaces and who may do what, for the asynchronous client. `python -m tests.sdk.make` makes the
synchronous one from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from events.ids import MemberRole
from vapora import commands, views
from vapora.errors import BadInputError
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import PREFIX, Position, headers, path
from vapora.sdk.problems import problem
from vapora.sdk.session import InMemory, Kept


class AsyncPeople(AsyncTransport):
    """Who may come in, to which workspaces, as what."""

    # --- signing in ---

    async def sign_in_status(self) -> views.SignInStatus:
        """Whether people have to sign in here, and how."""
        return await self._get("/auth/status", views.SignInStatus, {})

    async def set_up(self, token: str, email: str, name: str, password: str) -> views.SessionTokens:
        """Become the first owner, by the one-time link of the first start. The client is signed in from then on."""
        body = {"token": token, "email": email, "name": name, "password": password}
        return await self._sign_in("/auth/setup", body)

    async def log_in(self, email: str, password: str) -> views.SessionTokens:
        """The client is signed in from then on, and renews its tokens by itself."""
        return await self._sign_in("/auth/login", {"email": email, "password": password})

    async def accept_invitation(
        self, token: str, name: str | None = None, password: str | None = None
    ) -> views.SessionTokens | None:
        """Become a member. `name` and `password`: of who has no account yet; they are signed in from then on. None for
        who was signed in already."""
        body = {"token": token} | ({} if name is None else {"name": name})
        body |= {} if password is None else {"password": password}
        if self._session is not None or self._token is not None:
            await self._accept(body)
            return None
        return await self._sign_in("/auth/accept", body)

    async def refresh(self, refresh_token: str) -> views.SessionTokens:
        """A new pair; `refresh_token` is used up by it. A client that is signed in does this by itself."""
        return await self._ask("POST", "/auth/refresh", views.SessionTokens, {"refresh_token": refresh_token})

    async def log_out(self, everywhere: bool = False, refresh_token: str | None = None) -> None:
        """End the session: this client's, or the one that `refresh_token` belongs to. `everywhere`: all sessions of
        the person."""
        session = self._session
        kept = session.read() if session is not None and refresh_token is None else None
        given = refresh_token or (kept.refresh_token if kept else None)
        if given is None:
            raise BadInputError("Nobody is signed in.", remedy="There is no session to end.")
        body = {"refresh_token": given, "everywhere": everywhere}
        answer = await self._request("POST", f"{PREFIX}/auth/logout", json=body)
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        if session is not None and kept is not None:
            session.write(None)

    async def redeem_sign_in(self, code: str) -> views.SessionTokens:
        """With the code that a browser has come back with; once. The client is signed in from then on."""
        return await self._sign_in("/auth/openid/redeem", {"code": code})

    async def change_password(self, current: str, password: str) -> None:
        """Of who is signed in. Their other sessions end."""
        await self._done("POST", "/auth/password", {"current": current, "password": password})

    async def me(self, after: Position = None) -> views.Me:
        """Who asks, the workspaces they belong to, and what they may do in this one."""
        return await self._get("/auth/me", views.Me, {"after": after})

    async def rotate_signing_key(self) -> views.Accepted:
        """Access tokens are signed with a new key from now on; those of the old one are good until they expire."""
        return await self._ask("POST", "/auth/rotate-key", views.Accepted)

    async def _sign_in(self, address: str, body: Mapping[str, Any]) -> views.SessionTokens:
        answer = await self._request("POST", f"{PREFIX}{address}", json=dict(body))
        tokens = await self._parse(answer, views.SessionTokens)
        if self._session is None:
            self._session, self._token = InMemory(), None
            self._headers = headers(None, self.workspace)
            self._http.headers.pop("Authorization", None)
        self._session.write(Kept.of(tokens))
        return tokens

    async def _accept(self, body: Mapping[str, Any]) -> None:
        await self._done("POST", "/auth/accept", body)

    async def _done(self, method: str, address: str, body: Mapping[str, Any] | None = None) -> None:
        """For what answers with nothing that matters here."""
        answer = await self._send_body(method, address, body)
        if answer.is_error:
            raise problem(answer.status_code, answer.content)

    # --- people of the installation ---

    async def users(self, after: Position = None) -> Rows[views.UserView]:
        """All who have an account. For administrators."""
        return await self._all("/users", views.UserView, {"after": after})

    async def edit_user(self, user_id: str, change: commands.EditUser) -> int:
        """Only the fields that `change` was given are sent. The position."""
        return await self._write("PATCH", path("users", user_id), change)

    async def erase_user(self, user_id: str) -> int:
        """Name, address and password are deleted for good; the id stays in the log."""
        return await self._write("DELETE", path("users", user_id))

    async def reset_password(self, user_id: str, password: str) -> int:
        """Set another's password: their sessions end."""
        return await self._write("POST", path("users", user_id, "password"), {"password": password})

    # --- workspaces ---

    async def list_workspaces(self, after: Position = None) -> Rows[views.WorkspaceView]:
        """Those that the person belongs to; all of them for an administrator."""
        return await self._all("/workspaces", views.WorkspaceView, {"after": after})

    async def create_workspace(self, name: str, id: str | None = None, key: str | None = None) -> views.Accepted:
        body = {"name": name} | ({} if id is None else {"id": id})
        return await self._ask("POST", "/workspaces", views.Accepted, body, key)

    async def get_workspace(self, workspace_id: str, after: Position = None) -> views.WorkspaceView:
        return await self._get(path("workspaces", workspace_id), views.WorkspaceView, {"after": after})

    async def edit_workspace(self, workspace_id: str, change: commands.EditWorkspace) -> int:
        """Another name; `archived`: it sleeps, and nothing in it changes, until it is taken back."""
        return await self._write("PATCH", path("workspaces", workspace_id), change)

    async def delete_workspace(self, workspace_id: str) -> int:
        """For good, with all that is in it. An export of it is made first, and stays on the server."""
        return await self._write("DELETE", path("workspaces", workspace_id))

    async def members(self, workspace_id: str, after: Position = None) -> Rows[views.Member]:
        return await self._all(path("workspaces", workspace_id, "members"), views.Member, {"after": after})

    async def add_member(self, workspace_id: str, user_id: str, role: MemberRole = MemberRole.MEMBER) -> int:
        """Somebody who has an account; others are invited."""
        body = commands.AddMember(user_id=user_id, role=role)
        return await self._write("POST", path("workspaces", workspace_id, "members"), body)

    async def change_member(self, workspace_id: str, user_id: str, role: MemberRole) -> int:
        body = commands.ChangeMember(role=role)
        return await self._write("PATCH", path("workspaces", workspace_id, "members", user_id), body)

    async def remove_member(self, workspace_id: str, user_id: str) -> int:
        return await self._write("DELETE", path("workspaces", workspace_id, "members", user_id))

    async def invitations(self, workspace_id: str, after: Position = None) -> Rows[views.InvitationView]:
        """Those that are open."""
        address = path("workspaces", workspace_id, "invitations")
        return await self._all(address, views.InvitationView, {"after": after})

    async def invite(
        self, workspace_id: str, email: str, role: MemberRole = MemberRole.MEMBER, key: str | None = None
    ) -> views.InvitationMade:
        """`token` of the answer stands in the link for the invited person, `<address>/accept#<token>`; it is shown
        this once."""
        body = {"email": email, "role": role.value}
        address = path("workspaces", workspace_id, "invitations")
        return await self._ask("POST", address, views.InvitationMade, body, key)

    async def withdraw_invitation(self, workspace_id: str, invitation_id: str) -> int:
        return await self._write("DELETE", path("workspaces", workspace_id, "invitations", invitation_id))

    async def teams(self, workspace_id: str, after: Position = None) -> Rows[views.TeamView]:
        return await self._all(path("workspaces", workspace_id, "teams"), views.TeamView, {"after": after})

    async def create_team(self, workspace_id: str, name: str, key: str | None = None) -> views.Accepted:
        return await self._ask("POST", path("workspaces", workspace_id, "teams"), views.Accepted, {"name": name}, key)

    async def edit_team(self, workspace_id: str, team_id: str, change: commands.EditTeam) -> int:
        """Another name; `members`: all of them anew."""
        return await self._write("PATCH", path("workspaces", workspace_id, "teams", team_id), change)

    async def remove_team(self, workspace_id: str, team_id: str) -> int:
        return await self._write("DELETE", path("workspaces", workspace_id, "teams", team_id))

    # --- tokens of programs, of this client's workspace ---

    async def tokens(self, after: Position = None) -> Rows[views.TokenView]:
        return await self._all("/tokens", views.TokenView, {"after": after})

    async def issue_token(
        self, name: str, scopes: tuple[str, ...], expires_at: datetime | None = None, key: str | None = None
    ) -> views.TokenMade:
        """`scopes`: `workspace:<id>`, `workspace:<id>:<role>` or `team:<id>`. The token is shown this once."""
        command = commands.IssueToken(name=name, scopes=scopes, expires_at=expires_at)
        return await self._ask("POST", "/tokens", views.TokenMade, command, key)

    async def revoke_token(self, token_id: str) -> int:
        return await self._write("DELETE", path("tokens", token_id))
