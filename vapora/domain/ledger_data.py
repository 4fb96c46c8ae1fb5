"""The ledger as plain data, to be saved and restored: `from_data(to_data(ledger))` decides as `ledger` does."""

from __future__ import annotations

from dataclasses import dataclass

from events.budget import BudgetSet, SpendReserved, Windows
from events.ids import Scope
from vapora.domain.ledger import Account, AccountKey, CallKey, Ledger, SettlementOutcome

# To be raised with every change of `ledger.evolve` or of the data: what an older fold saved is then left aside.
FOLD_VERSION = 2


@dataclass(frozen=True, slots=True)
class SavedAccount:
    scope: Scope
    scope_id: str
    window: str
    simulated: bool
    spent: int
    held: int


@dataclass(frozen=True, slots=True)
class LedgerData:
    """`closed`: by month, then by outcome."""

    limits: list[BudgetSet]
    accounts: list[SavedAccount]
    open: list[SpendReserved]
    closed: dict[str, dict[SettlementOutcome, list[CallKey]]]
    refused: list[AccountKey]
    newest: Windows | None


def to_data(ledger: Ledger) -> LedgerData:
    """A copy that later events do not touch."""
    return LedgerData(
        limits=list(ledger.limits.values()),
        accounts=[SavedAccount(*key, found.spent, found.held) for key, found in ledger.accounts.items()],
        open=list(ledger.open.values()),
        closed={month: _by_outcome(calls) for month, calls in ledger.closed.items()},
        refused=sorted(ledger.refused),
        newest=ledger.newest,
    )


def from_data(data: LedgerData) -> Ledger:
    return Ledger(
        limits={(budget.scope, budget.scope_id): budget for budget in data.limits},
        accounts={
            (one.scope, one.scope_id, one.window, one.simulated): Account(one.spent, one.held) for one in data.accounts
        },
        open={(one.call_id, one.attempt): one for one in data.open},
        closed={
            month: {key: how for how, keys in outcomes.items() for key in keys}
            for month, outcomes in data.closed.items()
        },
        refused=set(data.refused),
        newest=data.newest,
    )


def _by_outcome(calls: dict[CallKey, SettlementOutcome]) -> dict[SettlementOutcome, list[CallKey]]:
    found: dict[SettlementOutcome, list[CallKey]] = {}
    for key, how in calls.items():
        found.setdefault(how, []).append(key)
    return found
