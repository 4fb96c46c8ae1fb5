from __future__ import annotations

from vapora.log.ends import StreamEnds


def test_a_stream_that_was_read_to_its_end_holds_no_more() -> None:
    ends = StreamEnds()
    assert not ends.holds_no_more("a", 0)
    ends.reached({"a": 0, "b": 3})
    assert ends.holds_no_more("a", 0)
    assert ends.holds_no_more("b", 3)
    assert not ends.holds_no_more("b", 2)


def test_what_is_told_late_takes_nothing_back() -> None:
    ends = StreamEnds()
    ends.reached({"a": 4})
    ends.reached({"a": 2})
    assert ends.holds_no_more("a", 4)
    assert not ends.holds_no_more("a", 2)


def test_it_forgets_what_was_not_looked_at_for_longest() -> None:
    ends = StreamEnds(capacity=20)
    ends.reached({f"s{number}": 1 for number in range(20)})
    ends.reached({"s0": 2})
    ends.reached({"new": 1})
    assert not ends.holds_no_more("s1", 1)
    assert ends.holds_no_more("s0", 2)
    assert ends.holds_no_more("new", 1)
    ends.forget()
    assert not ends.holds_no_more("new", 1)
