"""What no policy can change: a workspace keeps an owner, only owners make owners, nobody gives more than they have."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events import identity
from events.ids import MemberRole
from tests.domain.people import ADMIN, MEMBER, NOW, OWNER, VIEWER, acme, add
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
from vapora.domain.people import Directory, tenancy
from vapora.domain.people.standing import role_of, workspaces_of
from vapora.domain.people.tenancy import Asked, Events
from vapora.errors import BadInputError, ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError, VaporaError


def decide(directory: Directory, command: Command, by: str = OWNER, target: str = "", made: str = "made-1") -> Events:
    return tenancy.decide(directory, command, Asked(by, NOW, "acme", target, made, "d" * 64, "exports/acme.tar.gz"))


def test_who_makes_a_workspace_owns_it() -> None:
    events = decide(acme(), CreateWorkspace(name="Beta"), "user:stranger", made="beta")

    assert events == (
        identity.WorkspaceCreated(workspace_id="beta", name="Beta"),
        identity.MemberAdded(workspace_id="beta", user_id="stranger", role=MemberRole.OWNER),
    )


@pytest.mark.parametrize("by", ["operator", "user:local"])
def test_a_workspace_of_the_operator_has_no_member_yet(by: str) -> None:
    assert decide(acme(), CreateWorkspace(name="Beta"), by, made="beta") == (
        identity.WorkspaceCreated(workspace_id="beta", name="Beta"),
    )


def test_an_id_is_never_given_twice() -> None:
    gone = add(acme(), identity.WorkspaceDeleted(workspace_id="acme", export="x"))

    with pytest.raises(ConflictError, match="never given twice"):
        decide(gone, CreateWorkspace(name="Acme"), made="acme")
    assert tenancy.free_id(gone, "Acme") == "acme-2"
    assert tenancy.free_id(gone, " Ünï & Co. ") == "uni-co"
    assert tenancy.free_id(gone, "漢字") == "workspace"


def test_an_edit_says_only_what_changes_and_the_default_workspace_stays() -> None:
    assert decide(acme(), EditWorkspace(name="Acme")) == ()
    assert decide(acme(), EditWorkspace(archived=True)) == (
        identity.WorkspaceChanged(workspace_id="acme", archived=True),
    )
    default = Asked("operator", NOW, "default", export="x")
    for command in (EditWorkspace(archived=True), DeleteWorkspace()):
        with pytest.raises(ConflictError, match="default workspace"):
            tenancy.decide(acme(), command, default)


def test_what_does_not_exist_is_not_found() -> None:
    for command, target in (
        (ChangeMember(role=MemberRole.VIEWER), "stranger"),
        (RemoveMember(), "nobody"),
        (EditTeam(name="x"), "team-9"),
        (RemoveTeam(), "team-9"),
        (WithdrawInvitation(), "invitation-9"),
        (RevokeToken(), "token-9"),
    ):
        with pytest.raises(NotFoundError):
            decide(acme(), command, target=target)
    with pytest.raises(NotFoundError):
        tenancy.decide(acme(), EditWorkspace(name="x"), Asked(OWNER, NOW, "nowhere"))


@pytest.mark.parametrize(("by", "role", "allowed"), [
    (OWNER, MemberRole.OWNER, True),
    (ADMIN, MemberRole.OWNER, False),
    (ADMIN, MemberRole.ADMIN, True),
    (MEMBER, MemberRole.ADMIN, False),
    (VIEWER, MemberRole.MEMBER, False),
    ("operator", MemberRole.OWNER, True),
])  # fmt: skip
def test_nobody_gives_more_than_they_have(by: str, role: MemberRole, allowed: bool) -> None:
    for command, target in (
        (AddMember(user_id="stranger", role=role), ""),
        (Invite(email="a@example.com", role=role), ""),
        (ChangeMember(role=role), "viewer"),
    ):
        if allowed:
            assert len(decide(acme(), command, by, target)) == 1
        else:
            with pytest.raises(ForbiddenError):
                decide(acme(), command, by, target)


def test_an_admin_neither_demotes_nor_removes_an_owner() -> None:
    for command in (ChangeMember(role=MemberRole.VIEWER), RemoveMember()):
        with pytest.raises(ForbiddenError):
            decide(acme(), command, ADMIN, "owner")


def test_the_last_owner_stays_until_there_is_another_one() -> None:
    for command in (ChangeMember(role=MemberRole.ADMIN), RemoveMember()):
        with pytest.raises(ConflictError, match="no owner"):
            decide(acme(), command, OWNER, "owner")
    two = add(acme(), identity.MemberChanged(workspace_id="acme", user_id="admin", role=MemberRole.OWNER))
    assert len(decide(two, RemoveMember(), OWNER, "owner")) == 1


def test_anybody_may_leave() -> None:
    assert decide(acme(), RemoveMember(), VIEWER, "viewer") == (
        identity.MemberRemoved(workspace_id="acme", user_id="viewer"),
    )


def test_a_member_is_added_once_and_only_who_has_an_account() -> None:
    assert decide(acme(), AddMember(user_id="viewer", role=MemberRole.VIEWER)) == ()
    with pytest.raises(ConflictError, match="already"):
        decide(acme(), AddMember(user_id="viewer", role=MemberRole.ADMIN))
    gone = add(acme(), identity.UserErased(user_id="stranger"))
    for user_id in ("nobody", "stranger"):
        with pytest.raises(BadInputError, match="no user"):
            decide(gone, AddMember(user_id=user_id, role=MemberRole.VIEWER))


def invited(role: MemberRole = MemberRole.MEMBER) -> Directory:
    return add(acme(), *decide(acme(), Invite(email="a@example.com", role=role), made="invitation-1"))


def test_an_invitation_is_taken_once_within_seven_days() -> None:
    directory = invited()
    taken, events = tenancy.accept(directory, "d" * 64, "stranger", NOW + timedelta(days=6))

    assert taken.id == "invitation-1"
    assert role_of(add(directory, *events), "user:stranger", "acme", NOW) is MemberRole.MEMBER
    for late, digest in ((NOW, "d" * 64), (NOW, "e" * 64)):
        with pytest.raises(UnauthenticatedError):
            tenancy.accept(directory, digest, "stranger", late)
    with pytest.raises(UnauthenticatedError):
        tenancy.accept(invited(), "d" * 64, "stranger", NOW + timedelta(days=7))


def test_an_invitation_never_makes_somebody_less_than_they_are() -> None:
    assert tenancy.accept(invited(MemberRole.VIEWER), "d" * 64, "admin", NOW)[1] == (
        identity.InvitationEnded(invitation_id="invitation-1", workspace_id="acme", user_id="admin"),
    )
    _, events = tenancy.accept(invited(MemberRole.ADMIN), "d" * 64, "viewer", NOW)
    assert identity.MemberChanged(workspace_id="acme", user_id="viewer", role=MemberRole.ADMIN) in events


def test_a_withdrawn_invitation_is_none() -> None:
    directory = invited()
    add(directory, *decide(directory, WithdrawInvitation(), ADMIN, "invitation-1"))
    with pytest.raises(UnauthenticatedError):
        tenancy.accept(directory, "d" * 64, "stranger", NOW)


def test_teams_hold_members_and_have_names_of_their_own() -> None:
    directory = add(acme(), *decide(acme(), CreateTeam(name="Core"), ADMIN, made="team-1"))
    with pytest.raises(ConflictError, match="already"):
        decide(directory, CreateTeam(name="CORE"), ADMIN, made="team-2")
    with pytest.raises(BadInputError, match="no member"):
        decide(directory, EditTeam(members=("stranger",)), ADMIN, "team-1")
    add(directory, *decide(directory, EditTeam(members=("viewer", "viewer", "admin")), ADMIN, "team-1"))
    team = directory.workspaces["acme"].teams["team-1"]
    assert list(team.members) == ["viewer", "admin"]
    add(directory, *decide(directory, RemoveMember(), ADMIN, "viewer"))
    assert list(team.members) == ["admin"]
    assert decide(directory, EditTeam(name="Core"), ADMIN, "team-1") == ()


def issued(by: str, *scopes: str) -> Directory:
    command = IssueToken(name="CI", scopes=scopes, expires_at=NOW + timedelta(days=1))
    return add(acme(), *decide(acme(), command, by, made="token-1"))


@pytest.mark.parametrize(("by", "scopes", "role"), [
    (ADMIN, ("workspace:acme",), MemberRole.MEMBER),
    (ADMIN, ("workspace:acme:viewer", "workspace:acme:admin"), MemberRole.ADMIN),
    (VIEWER, ("workspace:acme:viewer",), MemberRole.VIEWER),
    ("operator", ("workspace:acme:admin",), MemberRole.ADMIN),
])  # fmt: skip
def test_a_token_is_what_its_scopes_say(by: str, scopes: tuple[str, ...], role: MemberRole) -> None:
    directory = issued(by, *scopes)

    assert role_of(directory, "token:token-1", "acme", NOW) is role
    assert workspaces_of(directory, "token:token-1", NOW) == {"acme": role}
    assert role_of(directory, "token:token-1", "acme", NOW + timedelta(days=1)) is None
    assert (
        role_of(add(directory, *decide(directory, RevokeToken(), target="token-1")), "token:token-1", "acme", NOW)
        is None
    )


def test_a_token_is_never_more_than_who_issued_it_is_today() -> None:
    directory = issued(ADMIN, "workspace:acme:admin")
    add(directory, identity.MemberChanged(workspace_id="acme", user_id="admin", role=MemberRole.VIEWER))
    assert role_of(directory, "token:token-1", "acme", NOW) is MemberRole.VIEWER
    add(directory, identity.UserChanged(user_id="admin", disabled=True))
    assert role_of(directory, "token:token-1", "acme", NOW) is None


def test_a_teams_token_ends_with_the_team() -> None:
    directory = add(acme(), identity.TeamCreated(workspace_id="acme", team_id="team-1", name="Core"))
    add(directory, *decide(directory, IssueToken(name="CI", scopes=("team:team-1",)), ADMIN, made="token-1"))
    assert role_of(directory, "token:token-1", "acme", NOW) is MemberRole.MEMBER
    add(directory, *decide(directory, RemoveTeam(), ADMIN, "team-1"))
    assert role_of(directory, "token:token-1", "acme", NOW) is None


@pytest.mark.parametrize(("by", "scopes", "error"), [
    (MEMBER, ("workspace:acme:admin",), BadInputError),
    (ADMIN, ("workspace:default",), BadInputError),
    (ADMIN, ("workspace:nowhere",), BadInputError),
    (ADMIN, ("team:team-9",), NotFoundError),
    ("token:token-1", ("workspace:acme",), ForbiddenError),
])  # fmt: skip
def test_a_token_for_more_than_one_has_is_refused(by: str, scopes: tuple[str, ...], error: type[VaporaError]) -> None:
    with pytest.raises(error):
        decide(acme(), IssueToken(name="CI", scopes=scopes), by)


def test_a_foreign_workspace_and_none_are_refused_in_the_same_words() -> None:
    said = []
    for name in ("default", "nowhere"):
        with pytest.raises(BadInputError) as refused:
            decide(acme(), IssueToken(name="CI", scopes=(f"workspace:{name}",)), ADMIN)
        said.append(str(refused.value).replace(name, "x"))
    assert said[0] == said[1]


def test_a_token_that_would_have_expired_already_is_refused() -> None:
    with pytest.raises(BadInputError, match="expired"):
        decide(acme(), IssueToken(name="CI", scopes=("workspace:acme",), expires_at=NOW), ADMIN)


def test_the_same_policies_again_change_nothing() -> None:
    directory = add(acme(), *decide(acme(), SetPolicies(text="permit (principal, action, resource);")))
    assert decide(directory, SetPolicies(text="permit (principal, action, resource);")) == ()


def test_a_deleted_workspace_is_gone_for_everybody() -> None:
    directory = issued(ADMIN, "workspace:acme")
    add(directory, *decide(directory, DeleteWorkspace()))
    for actor in (OWNER, ADMIN, "token:token-1", "operator"):
        assert role_of(directory, actor, "acme", NOW) is None
    assert directory.tokens == {}
