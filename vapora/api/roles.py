"""The catalogue: which roles there are, what each may do, and which types of task they take."""

from __future__ import annotations

from fastapi import APIRouter

from vapora import catalog
from vapora.api.context import Cursor, Limit
from vapora.api.pages import page_of
from vapora.views import Page, Role, TaskType

router = APIRouter(tags=["catalogue"])


@router.get("/roles", summary="List the roles")
async def list_roles(limit: Limit = 500, cursor: Cursor = None) -> Page[Role]:
    return page_of([*map(_view, catalog.roles().values())], lambda one: one.id, limit, cursor)


@router.get("/roles/{role_id}", summary="Show a role")
async def get_role(role_id: str) -> Role:
    return _view(catalog.role(role_id))


@router.get("/task-types", summary="List the task types")
async def list_task_types(limit: Limit = 500, cursor: Cursor = None) -> Page[TaskType]:
    """What `task_type` of a task may be."""
    found = [TaskType(id=one, roles=tuple(catalog.roles_for(one))) for one in catalog.task_types()]
    return page_of(found, lambda one: one.id, limit, cursor)


def _view(manifest: catalog.RoleManifest) -> Role:
    plain = manifest.model_dump(include=set(Role.model_fields) - {"steps"})
    return Role(**plain, steps=tuple(step.name for step in manifest.steps))
