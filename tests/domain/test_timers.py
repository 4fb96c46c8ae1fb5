from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.timers import Timer, Timers

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_nothing_is_due_before_its_instant_and_all_of_it_from_then_on() -> None:
    timers = Timers()
    assert timers.next() is None and timers.due(NOON) == ()
    timers.set("a", at(5))
    assert timers.next() == at(5) and timers.due(at(4.99)) == ()
    assert timers.due(at(5)) == (Timer(at(5), "a"),)
    # To ask changes nothing: what fired says so by an event.
    assert timers.due(at(9)) == (Timer(at(5), "a"),)


def test_they_come_in_the_order_of_their_instants_and_then_of_their_keys() -> None:
    timers = Timers()
    for key, minutes in (("c", 2), ("b", 2), ("d", 1), ("a", 3)):
        timers.set(key, at(minutes))
    assert [one.key for one in timers.due(at(9))] == ["d", "b", "c", "a"]
    assert [one.key for one in timers.due(at(2))] == ["d", "b", "c"]
    assert timers.next(after=at(2)) == at(3)
    assert timers.next(after=at(3)) is None


def test_one_that_is_set_anew_or_cancelled_leaves_nothing_behind() -> None:
    timers = Timers()
    timers.set("a", at(1))
    timers.set("a", at(3))
    timers.set("b", at(2))
    timers.cancel("b")
    timers.cancel("unknown")
    assert timers.next() == at(3) and timers.at("b") is None and len(timers) == 1
    timers.set("a", None)
    assert timers.next() is None and not len(timers)


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(0, 50))), max_size=200),
    st.integers(0, 50),
)
def test_it_is_what_a_plain_dictionary_would_say(changes: list[tuple[str, int | None]], now: int) -> None:
    timers, plain = Timers(), dict[str, datetime]()
    for key, minutes in changes:
        timers.set(key, None if minutes is None else at(minutes))
        if minutes is None:
            plain.pop(key, None)
        else:
            plain[key] = at(minutes)
        assert timers.next() == min(plain.values(), default=None)
    assert timers.due(at(now)) == tuple(sorted(Timer(due, key) for key, due in plain.items() if due <= at(now)))
    assert timers.next(after=at(now)) == min((one for one in plain.values() if one > at(now)), default=None)
