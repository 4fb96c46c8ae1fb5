"""Carries out workflows: makes their cards, asks for approvals, undoes what failed."""

from actors.workflow_engine.engine import WorkflowEngine
from actors.workflow_engine.files import WorkflowFiles
from actors.workflow_engine.money import SharedBudget
from actors.workflow_engine.scheduler import Scheduler

__all__ = ["Scheduler", "SharedBudget", "WorkflowEngine", "WorkflowFiles"]
