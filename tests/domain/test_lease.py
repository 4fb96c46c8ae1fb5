from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.lease import ALIVE, GRACE, Installation, Lease, View, Wait, may_take

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
TINY = timedelta(milliseconds=1)


def installation(name: str, generation: int = 0, since_s: float = 100, alive: bool = True) -> Installation:
    until = NOON + ALIVE if alive else NOON
    return Installation(name, generation, NOON - timedelta(seconds=since_s), until)


ME = installation("me")


def test_what_nobody_holds_is_taken() -> None:
    assert may_take(ME, None, [], NOON) is None
    assert may_take(ME, Lease("", 4), [installation("other")], NOON) is None


def test_what_is_mine_stays_mine_though_another_process_of_mine_took_it() -> None:
    assert may_take(ME, Lease("me", 4), [installation("other")], NOON) is None


def test_of_equals_the_one_that_has_it_keeps_it_while_it_lives() -> None:
    lease = Lease("other", 1)
    assert may_take(ME, lease, [installation("other")], NOON) == Wait("other", 0)
    assert may_take(ME, lease, [installation("other", alive=False)], NOON) is None
    assert may_take(ME, lease, [], NOON) is None


def test_a_newer_one_that_lives_gets_all_of_it_also_what_nobody_holds() -> None:
    newer = installation("newer", 2, since_s=0)
    for lease in (None, Lease("", 1), Lease("me", 1), Lease("newer", 1)):
        assert may_take(ME, lease, [installation("older", 1), newer], NOON) == Wait("newer", 2)
    assert may_take(ME, Lease("me", 1), [installation("newer", 2, alive=False)], NOON) is None


@pytest.mark.parametrize(("heard_of", "waits"), [(timedelta(), True), (GRACE - TINY, True), (GRACE, False)])
def test_a_newer_one_gives_the_older_one_time_to_close_and_no_more(heard_of: timedelta, waits: bool) -> None:
    me = Installation("me", 3, NOON - heard_of, NOON + ALIVE)
    lease, older = Lease("older", 1), installation("older", 2)
    assert (may_take(me, lease, [older], NOON) is not None) == waits
    # As soon as it has closed it, it is there for the taking.
    assert may_take(me, Lease("", 1), [older], NOON) is None


def test_one_that_leaves_takes_nothing_and_is_waited_for_only_while_it_closes_what_it_has() -> None:
    gone = replace(installation("gone", 2), leaving=NOON - TINY)
    assert may_take(gone, Lease("gone", 1), [], NOON) == Wait("gone", 2, leaving=True)
    assert "is ending" in str(may_take(gone, None, [], NOON))
    # Though it is the newest, an older one need not wait for what it has given back.
    assert may_take(ME, Lease("", 1), [gone], NOON) is None
    assert may_take(ME, Lease("gone", 1), [gone], NOON) == Wait("gone", 2)
    hangs = replace(gone, leaving=NOON - GRACE)
    assert may_take(ME, Lease("gone", 1), [hangs], NOON) is None


installations = st.lists(
    st.builds(
        installation, st.sampled_from("abcd"), st.integers(0, 3), st.sampled_from([0.0, 1.0, 3.0, 100.0]), st.booleans()
    ),
    unique_by=lambda one: one.name,
)


@given(installations, st.sampled_from(["", "a", "b", "c", "d"]))
def test_somebody_always_may_and_where_nobody_waits_for_a_newer_one_the_holder_keeps_it(
    known: list[Installation], holder: str
) -> None:
    lease = Lease(holder, 1)
    alive = [one for one in known if one.until > NOON]

    def view(of: Installation, now: datetime = NOON) -> Wait | None:
        return View(of, tuple(one for one in known if one != of), {"w": lease}, now).wait("w")

    newest = max((one.generation for one in alive), default=0)
    for one in alive:
        if one.generation < newest:
            assert view(one) is not None
    if alive:
        later = NOON + GRACE
        assert any(view(one, later) is None for one in alive)
    holding = [one for one in alive if one.name == holder and one.generation == newest]
    if holding:
        assert [one for one in alive if view(one) is None] == holding
