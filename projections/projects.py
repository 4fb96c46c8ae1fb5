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
        "base_branch": "text",
        "setup": "json",
        "checks": "json",
        "copies": "json",
        "read_only": "json",
        "merge_policy": "text",
        "sandbox": "text",
        "providers": "json",
        "accepted_file": "text",
        "paused": "json",
        "archived": "int",
        "created_at": "text",
        "created_position": "int",
    },
    indexes=(("created_position",),),
    of_project="id",
)

# What an event says of a project, by the names of its columns.
_SETTINGS = frozenset(project.ProjectCreated.model_fields) & PROJECTS.expected


def _created(recorded: Recorded, event: project.ProjectCreated, rows: Rows) -> None:
    row = {
        "id": event.project_id,
        **{name: value for name, value in event.model_dump(mode="json").items() if name in _SETTINGS},
        "accepted_file": None,
        "paused": None,
        "archived": 0,
        "created_at": format_instant(recorded.recorded_at),
        "created_position": recorded.position,
    }
    rows.put(PROJECTS, row)


def _edited(recorded: Recorded, event: project.ProjectEdited, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, **changes(event, "project_id", mode="json")})


def _file_accepted(recorded: Recorded, event: project.ProjectFileAccepted, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, "accepted_file": event.sha256})


def _paused(recorded: Recorded, event: project.ProjectPaused, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        since = format_instant(recorded.recorded_at)
        paused = {"scope": "project", "id": event.project_id, "since": since, "reason": event.reason}
        rows.put(PROJECTS, {**row, "paused": paused})


def _resumed(recorded: Recorded, event: project.ProjectResumed, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, "paused": None})


def _archived(recorded: Recorded, event: project.ProjectArchived, rows: Rows) -> None:
    row = rows.get(PROJECTS, (event.project_id,))
    if row is not None:
        rows.put(PROJECTS, {**row, "archived": 1})


def _view(row: Row) -> views.Project:
    fields = {name: value for name, value in row.items() if name != "created_position"}
    return views.Project.model_validate({**fields, "archived": bool(row["archived"])})


def _live(row: Row) -> dict[str, Any]:
    return _view(row).model_dump(mode="json", by_alias=True)


class Projects(Projection):
    NAME = "projects"
    VERSION = 2
    TABLES = (PROJECTS,)
    VIEWS = (PublicView("project", PROJECTS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        project.ProjectCreated: _created,
        project.ProjectEdited: _edited,
        project.ProjectFileAccepted: _file_accepted,
        project.ProjectPaused: _paused,
        project.ProjectResumed: _resumed,
        project.ProjectArchived: _archived,
    }


def project_of(rows: Reader, project_id: str) -> views.Project | None:
    row = rows.get(PROJECTS, (project_id,))
    return None if row is None else _view(row)


def projects(rows: Reader, archived: bool = False) -> tuple[views.Project, ...]:
    """In the order in which they were made; archived ones only if asked for."""
    where = {} if archived else {"archived": 0}
    return tuple(map(_view, rows.select(PROJECTS, where, order=("created_position",))))
