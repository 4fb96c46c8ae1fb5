"""What is shown of people, workspaces and tokens."""

from __future__ import annotations

from datetime import datetime

from events.ids import MemberRole
from vapora.views.base import View


class SessionTokens(View):
    """`expires_in`: of the access token, in seconds. The refresh token is good for one use."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105


class SignInStatus(View):
    """`sign_in`: whether people have to. `set_up`: whether there is an owner. `openid`: whether a provider of OpenID
    Connect is there to sign in with."""

    sign_in: bool
    set_up: bool
    openid: bool


class Membership(View):
    workspace_id: str
    name: str
    role: MemberRole
    archived: bool = False


class Me(View):
    """Who asks. `kind`: `local` while nobody has to sign in, `operator` for who sent the operator's token. `actions`:
    what they may do in the workspace that the request names, by the operations' ids."""

    id: str
    kind: str
    name: str
    email: str | None = None
    administrator: bool = False
    workspaces: tuple[Membership, ...] = ()
    actions: tuple[str, ...] = ()


class UserView(View):
    id: str
    name: str
    email: str
    administrator: bool
    disabled: bool


class WorkspaceView(View):
    id: str
    name: str
    archived: bool
    role: MemberRole | None = None


class Member(View):
    user_id: str
    name: str
    email: str
    role: MemberRole


class InvitationView(View):
    id: str
    email: str
    role: MemberRole
    expires_at: datetime


class InvitationMade(View):
    """`token` stands in the link that the invited person opens (`/accept#<token>`); both are shown this once."""

    id: str
    token: str
    link: str = ""
    expires_at: datetime
    position: int


class TeamView(View):
    id: str
    name: str
    members: tuple[str, ...]


class TokenView(View):
    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    issued_by: str


class TokenMade(View):
    """`token`: shown this once."""

    id: str
    token: str
    position: int


class Policies(View):
    """`shipped`: the policies that hold everywhere; `text`: the workspace's own beside them."""

    text: str
    shipped: str
    position: int = 0
