"""Carries out workflows: makes their cards, asks for approvals, undoes what failed."""

from actors.workflow_engine.engine import WorkflowEngine
from actors.workflow_engine.money import SharedBudget

__all__ = ["SharedBudget", "WorkflowEngine"]
