"""Which projects somebody may read, for lists that are filtered before they are made.

Each project is a question to the policies, and `Engine` keeps the answers. Where a workspace has no policies of its
own, those that ship know no projects: who may read one may read all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vapora.access.engine import Engine
from vapora.domain.access import ACTIONS, Principal, Question, Resource, workspace_resource
from vapora.domain.search import KINDS, Allowed

# What must be allowed as well, to see a kind of thing.
_READING: Final = {
    "task": "get_task",
    "run": "get_run",
    "comment": "list_comments",
    "document": "get_document",
    "code": "get_repository",
}


def readable(engine: Engine, principal: Principal, workspace: str, own: str, projects: Iterable[str]) -> Allowed:
    """What somebody may find, kind by kind. `own`: the workspace's own policies; `projects`: those that there are, of
    which "" stands for what belongs to the whole workspace."""
    there = workspace_resource(workspace)
    known = tuple(projects) if own.strip() else ()
    allowed: dict[str, frozenset[str] | None] = {}
    for kind in KINDS:
        actions = [action for action in ("search", _READING[kind]) if action in ACTIONS]
        if not own.strip():
            if all(engine.may(Question(principal, action, there), own) for action in actions):
                allowed[kind] = None
            continue
        allowed[kind] = frozenset(
            project
            for project in known
            if all(engine.may(Question(principal, action, _place(there, project)), own) for action in actions)
        )
    return allowed


def _place(there: Resource, project: str) -> Resource:
    return Resource("Project", project, there.workspace, project) if project else there
