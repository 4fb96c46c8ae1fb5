"""Projects that a workspace's own policies hide from who asks: whatever is worked out over several projects is worked
out over the others, as if the hidden ones had never been.

Every route that reads the read models through `FreshCell` reads them without those rows: a sum, a count or a walk over
what belongs to projects says nothing of a hidden one, without a word of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projections import projects
from vapora.api.cells import Cell
from vapora.api.gate import Admitted
from vapora.domain.access import Question, Resource

# What shows one such thing, which has to be allowed as well.
_SHOWN_BY: Final[Mapping[str, str]] = {
    "project": "get_project",
    "task": "get_task",
    "run": "get_run",
    "workflow-run": "get_workflow_run",
    "approval": "get_approval",
    "document": "get_document",
    "plan": "get_plan",
    "schedule": "get_schedule",
    "workflow": "get_workflow",
}


def may_read(admitted: Admitted, place: Resource, kind: str) -> bool:
    """Whether both what was asked and what shows one thing of that `kind` are allowed there."""
    actions = {admitted.action, _SHOWN_BY.get(kind, admitted.action)}
    engine, asks = admitted.gate.engine, admitted.principal
    return place.kind == "Workspace" or all(
        engine.may(Question(asks, action, place), admitted.own) for action in actions
    )


async def hidden_projects(admitted: Admitted, cell: Cell) -> frozenset[str]:
    """Those of the workspace, archived ones too, that who was let in may not read."""
    if not admitted.own.strip():
        return frozenset()
    every = await cell.whole.read(lambda rows: [one.id for one in projects.projects(rows, archived=True)])
    return frozenset(
        one for one in every if not may_read(admitted, Resource("Project", one, cell.workspace, one), "project")
    )


async def over_readable(admitted: Admitted, cell: Cell) -> Cell:
    """The cell as who was let in may read it. About one project, or what is in one, the gate has decided already."""
    if admitted.resource.project:
        return cell
    return cell.without(await hidden_projects(admitted, cell))
