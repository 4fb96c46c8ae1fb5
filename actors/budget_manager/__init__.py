"""The budget manager reserves and books money: one ledger a workspace."""

from actors.budget_manager.manager import BudgetManager

__all__ = ["BudgetManager"]
