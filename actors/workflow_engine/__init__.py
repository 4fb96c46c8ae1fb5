"""Carries out workflows: makes their cards, asks for approvals, undoes what failed."""

from actors.workflow_engine.documenting import Documenting
from actors.workflow_engine.engine import WorkflowEngine
from actors.workflow_engine.files import WorkflowFiles
from actors.workflow_engine.money import SharedBudget
from actors.workflow_engine.repository_files import RepositoryWorkflows
from actors.workflow_engine.scheduler import Scheduler
from actors.workflow_engine.together import Together

__all__ = [
    "Documenting",
    "RepositoryWorkflows",
    "Scheduler",
    "SharedBudget",
    "Together",
    "WorkflowEngine",
    "WorkflowFiles",
]
