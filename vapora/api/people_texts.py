"""What the fields of people, sessions, workspaces and tokens mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_EMAIL = {"email": "The person's e-mail address; large and small letters are the same."}
_NEW = {"password": "The new password: 12 to 1,000 characters."}
_RIGHTS = {
    "administrator": "Whether they look after people and workspaces of the installation.",
    "disabled": "True: they may not sign in.",
}
_ROLE = {"role": "What somebody is there: owner, admin, member or viewer."}
_TEAM = {"members": "The ids of the people in it: members of the workspace."}
_SCOPES = {
    "scopes": "What it may reach: workspace:<id>, workspace:<id>:<role>, or team:<id>. As a member where no role is "
    "said, and never as more than who issued it is there.",
    "expires_at": "When it ends by itself; null: never.",
}
_INVITATION = {"id": "The invitation's id.", "expires_at": "Until when it can be accepted."}
_SHOWN_ONCE = "It stands in this answer and nowhere else."
SHAPES: dict[str, dict[str, str]] = {
    "LogIn": {**_EMAIL, "password": "The person's password."},
    "RefreshSession": {"refresh_token": "The newest one of the session. It is used up by this."},
    "LogOut": {
        "refresh_token": "Any one of the session.",
        "everywhere": "True: all sessions of the person end, not this one alone.",
    },
    "RedeemSignIn": {"code": "What stands behind `#code=` in the address of the sign-in page."},
    "SetUp": {**_EMAIL, **_NEW, "token": "What stands behind the `#` of the link that the start printed."},
    "ChangePassword": {**_NEW, "current": "The password as it is."},
    "ResetPassword": _NEW,
    "AcceptInvitation": {
        **_NEW,
        "token": "What stands behind the `#` of the link.",
        "name": "A name for people; of who has no account yet.",
    },
    "SessionTokens": {
        "access_token": "For the header Authorization: Bearer.",
        "refresh_token": "For /auth/refresh, once.",
        "expires_in": "For how many seconds the access token is good.",
        "token_type": "Always Bearer.",
    },
    "SignInStatus": {
        "sign_in": "Whether people have to sign in.",
        "set_up": "Whether there is an owner.",
        "openid": "Whether one can sign in with a provider of OpenID Connect: /auth/openid/start.",
    },
    "Me": {
        **_EMAIL,
        "id": "The user's or token's id; empty for the operator, and while nobody signs in.",
        "kind": "user, token, operator, or local: whoever sits at this machine while nobody signs in.",
        "administrator": _RIGHTS["administrator"],
        "workspaces": "Those that they belong to.",
        "actions": "What they may do in the workspace that the header names, by the operations' ids.",
    },
    "Membership": {**_ROLE, "workspace_id": "The workspace's id.", "archived": "Whether it takes no writes."},
    "EditUser": _RIGHTS,
    "UserView": {**_EMAIL, **_RIGHTS, "id": "The user's id."},
    "CreateWorkspace": {"id": "Its id for ever; left out: made from the name."},
    "EditWorkspace": {"archived": "True: it can be read, and takes no writes."},
    "WorkspaceView": {
        "id": "The workspace's id.",
        "archived": "Whether it takes no writes.",
        "role": "What one is there; null: an administrator who is no member.",
    },
    "AddMember": {**_ROLE, "user_id": "Somebody who has an account."},
    "ChangeMember": _ROLE,
    "Member": {**_ROLE, **_EMAIL, "user_id": "The user's id."},
    "Invite": {**_ROLE, **_EMAIL},
    "InvitationView": {**_INVITATION, **_ROLE, **_EMAIL},
    "InvitationMade": {
        **_INVITATION,
        "token": f"Stands in the link. {_SHOWN_ONCE}",
        "link": "To send to them: the page on which they accept, with the token.",
    },
    "EditTeam": _TEAM,
    "TeamView": {**_TEAM, "id": "The team's id."},
    "IssueToken": _SCOPES,
    "TokenView": {**_SCOPES, "id": "The token's id.", "issued_by": "Who made it, as the log names them."},
    "TokenMade": {"id": "The token's id.", "token": f"For the header Authorization: Bearer. {_SHOWN_ONCE}"},
    "Policies": {"shipped": "The policies that hold everywhere."},
}
PARAMETERS: dict[str, str] = {
    "user_id": "The user's id.",
    "workspace_id": "The workspace's id.",
    "invitation_id": "The invitation's id.",
    "team_id": "The team's id.",
    "token_id": "The token's id.",
}
