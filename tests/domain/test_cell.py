from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from vapora.domain.cell import AT_REST, CellRecord, CellState, LogEnd, Rest, Sleep, Stay, decide, must_open, together

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=3)
END = LogEnd(7, "ab")


def test_a_cell_sleeps_once_it_was_quiet_for_long_enough_and_nothing_is_to_be_done() -> None:
    assert decide([AT_REST, AT_REST], 300, 300, NOON) == Sleep(None)
    assert decide([AT_REST], 299.9, 300, NOON) == Stay("it was used lately")


def test_one_busy_part_keeps_all_of_it_open() -> None:
    assert decide([AT_REST, Rest("a run is under way")], 1e9, 300, NOON) == Stay("a run is under way")


def test_it_sleeps_until_the_first_thing_is_due() -> None:
    parts = [Rest(due=LATER + timedelta(hours=1)), AT_REST, Rest(due=LATER)]
    assert decide(parts, 300, 300, NOON) == Sleep(LATER)


@pytest.mark.parametrize("due", [NOON - timedelta(days=1), NOON, NOON + timedelta(seconds=300)])
def test_what_is_due_soon_or_was_keeps_it_open(due: datetime) -> None:
    assert decide([Rest(due=due)], 1e9, 300, NOON) == Stay("something is due soon")


def test_parts_together_are_busy_while_one_is_and_due_with_the_first() -> None:
    assert together([]) == AT_REST
    assert together([Rest(due=LATER), Rest("why", NOON)]) == Rest("why", NOON)


def record(state: CellState = "asleep", end: LogEnd = END, due: datetime | None = None) -> CellRecord:
    return CellRecord("acme", state, NOON, end, due)


@pytest.mark.parametrize(
    ("known", "end", "opened"),
    [
        (None, END, True),
        (record(), END, False),
        (record(), LogEnd(8, "cd"), True),
        (record(), LogEnd(7, "cd"), True),  # another past, as of a backup that was put back
        (record(due=LATER), END, False),
        (record(due=NOON), END, True),
        (record("archived"), LogEnd(9), False),
        (record("deleting"), END, False),
        (record("deleted"), LogEnd(0), False),
    ],
)
def test_a_start_opens_what_may_owe_something(known: CellRecord | None, end: LogEnd, opened: bool) -> None:
    assert must_open(known, end, NOON) is opened
