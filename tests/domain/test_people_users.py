"""Rights beyond workspaces, passwords, and the end of an account."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events import identity
from events.ids import MemberRole
from tests.domain.people import NOW, acme, add
from vapora.commands import EditUser
from vapora.domain.people import Directory, sessions, users
from vapora.domain.people.streams import by_stream
from vapora.errors import ConflictError, NotFoundError


def house() -> Directory:
    """`acme` with an administrator, and a session of the member."""
    directory = add(acme(), identity.UserRegistered(user_id="root", how="first-owner", administrator=True))
    for one in ("s1", "s2"):
        add(directory, *sessions.start(directory.users["member"], one, one, NOW, timedelta(days=7)))
    return directory


def test_who_is_disabled_is_out_everywhere_in_the_same_append() -> None:
    events = users.edit(house(), "member", EditUser(disabled=True))

    assert events[0] == identity.UserChanged(user_id="member", disabled=True)
    assert {(one.session_id, one.reason) for one in events[1:] if isinstance(one, identity.SessionEnded)} == {
        ("s1", "disabled"),
        ("s2", "disabled"),
    }
    assert list(by_stream(events)) == ["user:member", "session:s1", "session:s2"]


def test_an_edit_says_only_what_changes_and_a_name_stands_beside_the_log() -> None:
    assert users.edit(house(), "member", EditUser(disabled=False, name="Mia")) == ()


def test_the_last_administrator_stays() -> None:
    """Else nobody would have to sign in any more."""
    for edit in (EditUser(administrator=False), EditUser(disabled=True)):
        with pytest.raises(ConflictError, match="no administrator"):
            users.edit(house(), "root", edit)
    with pytest.raises(ConflictError, match="no administrator"):
        users.erase(house(), "root")
    two = add(house(), identity.UserChanged(user_id="admin", administrator=True))
    assert users.edit(two, "root", EditUser(administrator=False))


def test_a_disabled_administrator_does_not_count_as_one() -> None:
    directory = add(
        house(),
        identity.UserChanged(user_id="admin", administrator=True),
        identity.UserChanged(user_id="admin", disabled=True),
    )
    with pytest.raises(ConflictError):
        users.edit(directory, "root", EditUser(disabled=True))


def test_the_only_owner_of_a_workspace_is_erased_once_there_is_another() -> None:
    with pytest.raises(ConflictError, match="'acme' would have no owner"):
        users.erase(house(), "owner")
    two = add(house(), identity.MemberChanged(workspace_id="acme", user_id="admin", role=MemberRole.OWNER))
    assert users.erase(two, "owner")[-1] == identity.UserErased(user_id="owner")


def test_who_is_erased_is_out_no_member_any_more_and_not_found() -> None:
    directory = house()
    events = users.erase(directory, "member")
    add(directory, *events)

    assert [type(one) for one in events] == [identity.SessionEnded, identity.SessionEnded, identity.UserErased]
    assert directory.role("member", "acme") is None
    with pytest.raises(NotFoundError):
        users.erase(directory, "member")
    assert "member" in directory.users  # the id is never given again


def test_ones_own_new_password_ends_all_other_sessions_and_a_reset_ends_all() -> None:
    own = users.change_password(house(), "member", "s1")
    reset = users.reset_password(house(), "member")

    assert own[0] == identity.PasswordChanged(user_id="member", how="own")
    assert [one.session_id for one in own if isinstance(one, identity.SessionEnded)] == ["s2"]
    assert [one.session_id for one in reset if isinstance(one, identity.SessionEnded)] == ["s1", "s2"]
