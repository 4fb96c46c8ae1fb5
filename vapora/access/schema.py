"""The schema of all policies: who and what there is, from a file; the actions, from the table of the domain."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import cedarpy

from vapora.domain.access import GROUPS, Group

_SERVED = "server: String, tool: String, outward: Bool, reads_outside: Bool"
_PEOPLE = "User, Token, Operator, Local"
_PLACES = "Workspace, Project, Task, Run, Agent, Workflow, WorkflowRun, Stage"
# Who may be asked about at each level, what it may be about, and what policies are told beside it.
_APPLIES = {
    "workspace": f"principal: [{_PEOPLE}], resource: [{_PLACES}], context: {{}}",
    "installation": f"principal: [{_PEOPLE}, Visitor], resource: [Installation], context: {{}}",
    "agents": "principal: [Agent], resource: [Workspace, Task], "
    f"context: {{ path: String, own_work: Bool, {_SERVED} }}",
}


@cache
def text() -> str:
    """In Cedar's own notation."""
    entities = files(__package__).joinpath("schema.cedarschema").read_text(encoding="utf-8")
    return "\n".join([entities, *map(_actions, GROUPS)])


@cache
def schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(text())


def _actions(group: Group) -> str:
    lines = [f"// {group.about}.", f'action "{group.name}";']
    for action in group.actions:
        lines.append(f'action "{action}" in [Action::"{group.name}"] appliesTo {{ {_APPLIES[group.level]} }};')
    return "\n".join(lines)
