"""The budget manager."""

from __future__ import annotations

from actors.budget_manager import BudgetManager
from actors.composition.wiring import Wiring
from actors.runtime.base import Address
from actors.snapshots import saved_ledger
from vapora.clock import now


def build_budget(wiring: Wiring, address: Address) -> BudgetManager:
    settings, workspace = wiring.settings, address.workspace
    return BudgetManager(
        wiring.log(workspace),
        workspace,
        now,
        patience_s=settings.budget_patience_s,
        saved=saved_ledger(settings.snapshots(workspace)),
    )
