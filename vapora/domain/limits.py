"""The limits that hold, and changing some of them."""

from __future__ import annotations

from hashlib import sha256

from events.budget import BudgetSet
from events.ids import Scope
from events.money import MICROUSD_PER_CENT
from vapora.commands import EditBudget, EditTaskBudget, SetBudget, SetTaskBudget
from vapora.domain.budget import set_budget
from vapora.domain.ledger import Ledger
from vapora.views import Limits


def edit_budget(
    ledger: Ledger, scope: Scope, scope_id: str, command: EditBudget | EditTaskBudget
) -> tuple[BudgetSet, ...]:
    """What the command does not name stays as it is. Raises `BadInputError`."""
    kind: type[SetBudget | SetTaskBudget] = SetTaskBudget if isinstance(command, EditTaskBudget) else SetBudget
    before = limits(ledger, scope, scope_id).model_dump(include=set(kind.model_fields))
    return set_budget(ledger, scope, scope_id, kind.model_validate(before | command.model_dump(exclude_unset=True)))


def limits(ledger: Ledger, scope: Scope, scope_id: str) -> Limits:
    """Those that hold now."""
    found = ledger.limits.get((scope, scope_id)) or BudgetSet(scope=scope, scope_id=scope_id)
    return limits_of(found)


def version_of(limits: Limits) -> str:
    """What tells these limits from others: two that are the same are one version."""
    return sha256(limits.model_dump_json().encode()).hexdigest()[:16]


def limits_of(event: BudgetSet) -> Limits:
    return Limits(
        monthly_limit_cents=_in_cents(event.monthly_limit_microusd),
        weekly_limit_cents=_in_cents(event.weekly_limit_microusd),
        limit_cents=_in_cents(event.lifetime_limit_microusd),
        overflow_cents=event.overflow_microusd // MICROUSD_PER_CENT,
        when_exceeded=event.when_exceeded,
    )


def _in_cents(microusd: int | None) -> int | None:
    return None if microusd is None else microusd // MICROUSD_PER_CENT
