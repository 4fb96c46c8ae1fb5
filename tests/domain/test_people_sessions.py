"""A refresh token is good for one use; one that comes again ends its family, but for two tabs that come at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from events import identity
from tests.domain.people import NOW, acme, add
from vapora.domain.people import Directory, sessions
from vapora.errors import UnauthenticatedError

WEEK = timedelta(days=7)


def signed_in(*ids: str, user: str = "member") -> Directory:
    directory = acme()
    for one in ids:
        add(directory, *sessions.start(directory.users[user], one, f"{one}/0", NOW, WEEK))
    return directory


def refreshed(directory: Directory, digest: str, made: str, at: datetime = NOW) -> sessions.Refreshed:
    """What is decided, and has happened then."""
    found = sessions.refresh(directory, digest, made, at, WEEK)
    add(directory, *found.events, at=at)
    return found


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_each_use_gives_the_next_token_and_a_longer_life() -> None:
    directory = signed_in("s")

    assert refreshed(directory, "s/0", "s/1", later(60)).granted
    assert refreshed(directory, "s/1", "s/2", later(3_600)).granted
    assert directory.sessions["s"].expires_at == later(3_600) + WEEK
    assert sessions.standing(directory, "s", later(3_600)) is not None


def test_a_token_that_comes_again_later_ends_the_whole_family() -> None:
    directory = signed_in("s", "other")
    refreshed(directory, "s/0", "s/1")

    again = refreshed(directory, "s/0", "s/2", later(11))

    assert again.events == (identity.SessionEnded(session_id="s", user_id="member", reason="reuse"),)
    assert not again.granted
    assert sessions.standing(directory, "s", later(11)) is None
    # The thief is out, and so is the one who was stolen from; who is signed in elsewhere stays.
    for digest in ("s/0", "s/1", "s/2"):
        with pytest.raises(UnauthenticatedError):
            sessions.refresh(directory, digest, "x", later(12), WEEK)
    assert sessions.standing(directory, "other", later(12)) is not None


def test_two_tabs_that_come_at_once_both_stay_in_and_go_on_by_themselves() -> None:
    directory = signed_in("s")
    refreshed(directory, "s/0", "first")

    second = refreshed(directory, "s/0", "second", later(9))

    assert second.granted
    assert isinstance(second.events[0], identity.SessionRefreshed) and second.events[0].grace
    for digest in ("first", "second"):
        assert refreshed(directory, digest, f"{digest}-next", later(900)).granted


def test_the_pair_of_the_grace_is_good_for_one_use_as_any_other() -> None:
    directory = signed_in("s")
    refreshed(directory, "s/0", "first")
    refreshed(directory, "s/0", "second", later(5))
    refreshed(directory, "second", "third", later(100))

    assert not refreshed(directory, "second", "fourth", later(200)).granted


def test_the_grace_counts_from_the_first_use() -> None:
    directory = signed_in("s")
    refreshed(directory, "s/0", "a")
    refreshed(directory, "s/0", "b", later(8))

    assert not refreshed(directory, "s/0", "c", later(15)).granted


def test_a_session_that_nobody_refreshes_expires() -> None:
    directory = signed_in("s")

    assert sessions.standing(directory, "s", NOW + WEEK - timedelta(seconds=1)) is not None
    assert sessions.standing(directory, "s", NOW + WEEK) is None
    with pytest.raises(UnauthenticatedError):
        sessions.refresh(directory, "s/0", "s/1", NOW + WEEK, WEEK)


def test_what_nobody_gave_out_is_refused() -> None:
    with pytest.raises(UnauthenticatedError):
        sessions.refresh(signed_in("s"), "elsewhere", "x", NOW, WEEK)


def test_log_out_ends_this_session_or_all_and_twice_is_harmless() -> None:
    directory = signed_in("a", "b")
    add(directory, *sessions.start(directory.users["owner"], "theirs", "theirs/0", NOW, WEEK))

    [ended] = sessions.log_out(directory, "a/0", everywhere=False)
    assert (ended.session_id, ended.reason) == ("a", "log-out")
    everywhere = sessions.log_out(directory, "a/0", everywhere=True)
    assert {one.session_id for one in everywhere} == {"a", "b"}
    add(directory, *everywhere)
    assert sessions.log_out(directory, "a/0", everywhere=True) == ()
    assert sessions.standing(directory, "theirs", NOW) is not None


@pytest.mark.parametrize(
    "event", [identity.UserChanged(user_id="member", disabled=True), identity.UserErased(user_id="member")]
)
def test_who_may_not_sign_in_has_no_session(event: identity.UserChanged | identity.UserErased) -> None:
    directory = add(signed_in("s"), event)

    assert sessions.standing(directory, "s", NOW) is None
    with pytest.raises(UnauthenticatedError):
        sessions.refresh(directory, "s/0", "s/1", NOW, WEEK)
    with pytest.raises(UnauthenticatedError):
        sessions.start(directory.users["member"], "t", "t/0", NOW, WEEK)


def test_tokens_that_were_used_long_ago_are_forgotten() -> None:
    directory, at = signed_in("s"), NOW
    for number in range(40):
        at += timedelta(days=1)
        refreshed(directory, f"s/{number}", f"s/{number + 1}", at)

    assert len(directory.sessions["s"].used) <= 8
    assert len(directory.sessions_by_digest) <= 9


def test_expired_sessions_do_not_pile_up() -> None:
    directory = acme()
    for number in range(1_100):
        at = NOW + timedelta(hours=number)
        add(
            directory,
            *sessions.start(directory.users["owner"], f"s{number}", f"{number}", at, timedelta(hours=1)),
            at=at,
        )

    assert len(directory.sessions) < 600
    assert len(directory.sessions_by_digest) == len(directory.sessions)
