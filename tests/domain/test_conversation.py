"""A conversation with tools is cut by rule: within the limit, the same each time, and seldom."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vapora.domain.conversation import NOTE_BYTES, STAND_IN_BYTES, Cut, Turn, cut, least

sizes = st.integers(0, 5_000)


@st.composite
def steps(draw: st.DrawFn) -> list[Turn]:
    """An answer with its results, and perhaps a word of the user's after it."""
    turns = [Turn("assistant", draw(sizes), draw(st.sampled_from([0, 0, 700])))]
    turns += [Turn("tool", size) for size in draw(st.lists(sizes, max_size=3))]
    return turns + [Turn("user", size) for size in draw(st.lists(st.integers(0, 900), max_size=1))]


@st.composite
def conversations(draw: st.DrawFn) -> list[Turn]:
    brief = [Turn("user", size) for size in draw(st.lists(st.integers(1, 900), min_size=1, max_size=2))]
    return brief + [turn for step in draw(st.lists(steps(), max_size=25)) for turn in step]


limits = st.integers(500, 40_000)


def left(turns: list[Turn], told: Cut) -> list[tuple[int, str]]:
    """Each turn that is sent: its place, and whether it is whole, without its thoughts, or a line."""
    kept = []
    for place, turn in enumerate(turns):
        if place not in told.dropped:
            bare = turn.thoughts and place < told.cut_at
            kept.append((place, "line" if place in told.shortened else "bare" if bare else "whole"))
    return kept


def size_of(turns: list[Turn], told: Cut) -> int:
    found = NOTE_BYTES if told.dropped else 0
    for place, how in left(turns, told):
        turn = turns[place]
        found += STAND_IN_BYTES if how == "line" else turn.size + (turn.thoughts if how == "whole" else 0)
    return found


def points(turns: list[Turn]) -> list[int]:
    """How long the conversation was each time that it was sent."""
    return [place for place, turn in enumerate(turns) if turn.role == "assistant"] + [len(turns)]


@given(conversations(), limits)
def test_the_result_fits_wherever_the_least_of_it_does(turns: list[Turn], limit: int) -> None:
    told = cut(turns, limit)
    assert told.size == size_of(turns, told)
    assert told.size <= max(limit, least(turns))


@given(conversations(), limits)
def test_an_answer_is_never_parted_from_its_results(turns: list[Turn], limit: int) -> None:
    told = cut(turns, limit)
    owner = 0
    for place, turn in enumerate(turns):
        owner = place if turn.role == "assistant" else owner
        if turn.role == "tool":
            assert (place in told.dropped) == (owner in told.dropped)
        if turn.role == "user":
            assert place not in told.dropped


@given(conversations(), limits)
def test_the_brief_is_whole_and_the_newest_answer_too_where_there_is_room(turns: list[Turn], limit: int) -> None:
    told = cut(turns, limit)
    answers = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
    first, newest = (answers[0], answers[-1]) if answers else (len(turns), len(turns))
    changed = told.shortened | told.dropped
    assert not changed & set(range(first))
    assert newest not in changed
    results = [place for place in range(newest, len(turns)) if turns[place].role == "tool"]
    older = [place for place in range(first, newest) if turns[place].role != "user"]
    if any(place in told.shortened for place in results):
        assert told.dropped >= set(older)


@given(conversations(), limits)
def test_results_go_before_answers_and_the_oldest_first(turns: list[Turn], limit: int) -> None:
    told = cut(turns, limit)
    gone = [place for place, turn in enumerate(turns) if turn.role == "assistant" and place in told.dropped]
    kept = [place for place, turn in enumerate(turns) if turn.role == "assistant" and place not in told.dropped]
    assert not gone or not kept or max(gone) < min(kept)


@given(conversations(), limits)
def test_between_two_cuts_the_conversation_only_grows_at_its_end(turns: list[Turn], limit: int) -> None:
    sent = [(end, cut(turns[:end], limit)) for end in points(turns)]
    for (end, before), (_, after) in pairwise(sent):
        assert after.cut_at >= before.cut_at
        if after.cut_at == before.cut_at:
            assert left(turns, after)[: len(left(turns[:end], before))] == left(turns[:end], before)


@given(conversations(), limits)
def test_a_thought_is_sent_only_behind_what_it_was_thought_behind(turns: list[Turn], limit: int) -> None:
    last = cut(turns, limit)
    for place, turn in enumerate(turns):
        if turn.thoughts and (place, "whole") in left(turns, last):
            then = cut(turns[:place], limit)
            assert [one for one in left(turns, last) if one[0] < place] == left(turns[:place], then)


def test_a_long_run_is_cut_seldom() -> None:
    brief, step = [Turn("user", 1_000)], [Turn("assistant", 200), Turn("tool", 1_800)]
    cuts = {cut(brief + step * number, 40_000).cut_at for number in range(200)} - {0}
    # 400,000 bytes in steps of about 20,000.
    assert 15 <= len(cuts) <= 25


def test_what_fits_is_left_alone() -> None:
    turns = [Turn("user", 10), Turn("assistant", 10, 5), Turn("tool", 10)]
    assert cut(turns, 35) == Cut(size=35)
    assert cut(turns, 34).cut_at == 3


def test_a_brief_that_is_too_long_is_told_by_the_size() -> None:
    assert cut([Turn("user", 1_000)], 500).size == 1_000
