"""The projects of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, project
from events.base import changes
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table, format_instant
from vapora import views

PROJECTS = Table(
    "projects",
    key=("id",),
    columns={
        "id": "text",
        "name": "text",
        "description": "text",
        "repo": "text",
        "archived": "int",
        "created_at": "text",
        "created_position": "int",
    },
    indexes=(("created_position",),),
)


def _created(recorded: Recorded, event: project.ProjectCreated, rows: Rows) -> None:
    row = {
        "id": event.project_id,
        "name": event.name,
        "description": event.description,
        "repo": event.repo,
        "archived": 0,
        "created_at": format_instant(recorded.recorded_at),
        "created_position": recorded.position,
    }
    rows.put(PROJECTS, row)


def _edited(recorded: Recorded, event: project.ProjectEdited, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, **changes(event, "project_id")})


def _archived(recorded: Recorded, event: project.ProjectArchived, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, "archived": 1})


def _view(row: Row) -> views.Project:
    fields = {name: value for name, value in row.items() if name != "created_position"}
    return views.Project.model_validate({**fields, "archived": bool(row["archived"])})


def _live(row: Row) -> dict[str, Any]:
    return _view(row).model_dump(mode="json")


class Projects(Projection):
    NAME = "projects"
    VERSION = 1
    TABLES = (PROJECTS,)
    VIEWS = (PublicView("project", PROJECTS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        project.ProjectCreated: _created,
        project.ProjectEdited: _edited,
        project.ProjectArchived: _archived,
    }


def project_of(rows: Reader, project_id: str) -> views.Project | None:
    row = rows.get(PROJECTS, (project_id,))
    return None if row is None else _view(row)


def projects(rows: Reader, archived: bool = False) -> tuple[views.Project, ...]:
    """In the order in which they were made; archived ones only if asked for."""
    where = {} if archived else {"archived": 0}
    return tuple(map(_view, rows.select(PROJECTS, where, order=("created_position",))))
