"""Checking a workflow while it is being written."""

from __future__ import annotations

from fastapi import APIRouter

from vapora.api.context import Writing
from vapora.catalog.shipped_workflows import known
from vapora.commands import CheckWorkflow
from vapora.domain.workflow.check import Fault, check, parse_text
from vapora.domain.workflow.definition import stored
from vapora.views import WorkflowChecked, WorkflowFault

# Not below /workflows: there stand their ids.
router = APIRouter(prefix="/workflow-checks", tags=["workflows"])


@router.post("", summary="Check a workflow that is being written")
async def check_workflow(body: CheckWorkflow, writing: Writing) -> WorkflowChecked:
    """Nothing is stored."""
    data = parse_text(body.text)
    definition, faults = (None, (data,)) if isinstance(data, Fault) else check(data, known())
    return WorkflowChecked(
        faults=tuple(WorkflowFault(place=one.place, message=one.message) for one in faults),
        definition=None if definition is None else stored(definition),
    )
