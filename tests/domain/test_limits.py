from __future__ import annotations

import pytest
from hypothesis import given as sample
from hypothesis import strategies as st
from pydantic import ValidationError

from events.ids import Scope, WhenExceeded
from vapora.commands import EditBudget, EditTaskBudget, SetBudget
from vapora.domain import budget as rules
from vapora.domain.ledger import Ledger, initial
from vapora.domain.limits import edit_budget, limits
from vapora.errors import BadInputError
from vapora.views import Limits

ROLE = (Scope.ROLE, "developer")
CENTS = st.none() | st.integers(0, 10**6)
BEFORE = st.builds(
    SetBudget,
    monthly_limit_cents=CENTS,
    weekly_limit_cents=CENTS,
    overflow_cents=st.integers(0, 100),
    when_exceeded=st.sampled_from(WhenExceeded),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "monthly_limit_cents": CENTS,
        "weekly_limit_cents": CENTS,
        "overflow_cents": st.integers(0, 100),
        "when_exceeded": st.sampled_from(WhenExceeded),
    },
).filter(bool)


def limited(command: SetBudget) -> Ledger:
    ledger = initial()
    for event in rules.set_budget(ledger, *ROLE, command):
        ledger = rules.evolve(ledger, event)
    return ledger


@sample(BEFORE, CHANGES)
def test_what_is_named_changes_and_all_else_stays(before: SetBudget, change: dict[str, object]) -> None:
    ledger = limited(before)
    assert limits(ledger, *ROLE) == Limits(**before.model_dump())
    for event in edit_budget(ledger, *ROLE, EditBudget.model_validate(change)):
        ledger = rules.evolve(ledger, event)
    assert limits(ledger, *ROLE) == Limits(**(before.model_dump() | change))


def test_a_change_to_what_is_already_so_is_no_event() -> None:
    ledger = limited(SetBudget(monthly_limit_cents=5))
    assert edit_budget(ledger, *ROLE, EditBudget(monthly_limit_cents=5)) == ()


def test_a_change_that_names_nothing_is_refused() -> None:
    for kind in (EditBudget, EditTaskBudget):
        with pytest.raises(ValidationError, match="name at least one of"):
            kind()


def test_a_task_is_changed_by_its_own_command() -> None:
    with pytest.raises(BadInputError):
        edit_budget(initial(), Scope.TASK, "t", EditBudget(monthly_limit_cents=1))
    (event,) = edit_budget(initial(), Scope.TASK, "t", EditTaskBudget(limit_cents=3))
    assert event.lifetime_limit_microusd == 30_000
