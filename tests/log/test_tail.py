from __future__ import annotations

from vapora.log.tail import Tail
from vapora.records import StoredRecord


def record(position: int, topic: str = "t", size: int = 10) -> StoredRecord:
    return StoredRecord(position, "s", position, topic, b"x" * size)


def test_it_gives_records_beyond_a_position_and_tells_how_far_it_looked() -> None:
    tail = Tail(5)
    tail.add([record(6), record(7, "u"), record(9)], 9)
    assert (tail.floor, tail.head) == (5, 9)
    assert tail.after(5, 2) == ([record(6), record(7, "u")], 7)
    assert tail.after(7, 2) == ([record(9)], 9)
    assert tail.after(8, 2) == ([record(9)], 9)
    assert tail.after(9, 2) == ([], 9)
    assert tail.after(12, 2) == ([], 12)


def test_a_filter_skips_what_does_not_match_and_counts_it_as_seen() -> None:
    tail = Tail(0)
    tail.add([record(1), record(2, "u"), record(3), record(4, "u"), record(5)], 5)
    assert tail.after(0, 1, {"u"}) == ([record(2, "u")], 2)
    assert tail.after(2, 5, {"u"}) == ([record(4, "u")], 5)
    assert tail.after(0, 5, {"v"}) == ([], 5)


def test_it_forgets_the_oldest_when_it_holds_too_many() -> None:
    tail = Tail(0, max_records=4)
    tail.add([record(position) for position in range(1, 5)], 4)
    assert tail.floor == 0
    tail.add([record(5)], 5)
    assert (tail.floor, tail.after(3, 9)) == (3, ([record(4), record(5)], 5))


def test_it_forgets_the_oldest_when_they_weigh_too_much() -> None:
    tail = Tail(0, max_bytes=100)
    tail.add([record(1, size=60), record(2, size=60)], 2)
    assert (tail.floor, tail.head, tail.after(2, 9)) == (2, 2, ([], 2))
    tail.add([record(3)], 3)
    assert (tail.floor, tail.after(2, 9)) == (2, ([record(3)], 3))


def test_what_nobody_told_of_is_left_to_the_store() -> None:
    tail = Tail(0)
    tail.add([record(1), record(2)], 2)
    tail.add([record(4)], 4)
    assert (tail.floor, tail.after(3, 9)) == (3, ([record(4)], 4))
    tail.add([], 6)
    assert (tail.floor, tail.head, tail.after(6, 9)) == (6, 6, ([], 6))
    tail.add([record(7)], 7)
    assert (tail.floor, tail.after(6, 9)) == (6, ([record(7)], 7))
