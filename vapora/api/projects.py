"""Projects."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, status

from events.ids import StreamName, project_stream
from events.project import ProjectPaused
from projections import flow
from projections import projects as model
from projections.engine.transaction import ReadSnapshot
from vapora import clock
from vapora.api.cells import Cell
from vapora.api.context import Editing, FreshCell, Limit, MaybeOperator, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.forms import Days, Flag
from vapora.api.pages import Orders, in_order, page_of
from vapora.commands import ArchiveProject, CreateProject, EditProject
from vapora.errors import BehindError, NotFoundError, UnavailableError
from vapora.views import Accepted, Dashboard, Page, PauseView, Project, ProjectMade

router = APIRouter(prefix="/projects", tags=["projects"])


Sort = Literal["created", "-created", "name", "-name"]
_ORDERS: Orders[Project] = {"created": lambda one: one.created_at, "name": lambda one: one.name.casefold()}

# What says nothing about what is run, where, and with which files. Everything else is the operator's to set.
_PLAIN = frozenset({"name", "description", "providers"})


@router.post("", status_code=status.HTTP_201_CREATED, summary="Make a project", response_model_exclude_unset=True)
async def create_project(body: CreateProject, writing: Writing, key: PostKey, operator: MaybeOperator) -> ProjectMade:
    """A name may be used again; `same_name` stands in the answer only then, and says by which projects it is used.
    More than name, description and providers takes the operator's token, or the role admin. A `repo` is looked at
    before the project is made."""
    if any(getattr(body, field) for field in body.model_fields_set - _PLAIN):
        await operator.require()
    if body.repo is not None and await writing.answered(key) is None:
        await writing.cell.repositories.examine(body.repo, body.base_branch)
    accepted = await writing.dispatch(body, key=key)
    made = await _as_written(writing.cell, accepted)
    others = await _same_name(writing.cell, made)
    return ProjectMade(**made.model_dump(), **({"same_name": others} if others else {}))


@router.get("", summary="List the projects")
async def list_projects(
    cell: FreshCell,
    archived: Annotated[Flag, Query(description="Archived ones too.")] = False,
    sort: Annotated[Sort | None, Query(description="By what; with - the other way round.")] = None,
    limit: Limit = 100,
    cursor: Annotated[
        str | None, Query(description="`next` of the page before: a project's id.", pattern=r"^[a-z0-9-]{1,80}$")
    ] = None,
) -> Page[Project]:
    """In the order in which they were made, if no other is asked for."""
    found = in_order(await cell.read(lambda rows: model.projects(rows, archived)), _ORDERS, sort)
    return page_of(found, lambda one: one.id, limit, cursor)


@router.get("/{project_id}", summary="Show a project")
async def get_project(project_id: str, cell: FreshCell, reading: Reading) -> Project:
    stream = project_stream(project_id)

    def question(rows: ReadSnapshot) -> Versioned[Project] | None:
        return versioned_if_there(rows, model.project_of(rows, project_id), model.Projects.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise _no_project(project_id)
    return reading.tagged(found)


@router.get("/{project_id}/dashboard", summary="Show how its work flows")
async def get_dashboard(
    project_id: str,
    cell: FreshCell,
    days: Days = 30,
) -> Dashboard:
    """Cards by state from day to day, how long they took, and who did them. What it cost: `/costs?project_id=`."""
    await require_project(cell, project_id)
    today = clock.now().date()
    return await cell.read(lambda rows: flow.dashboard(rows, project_id, rows.position, today, days))


@router.patch("/{project_id}", summary="Edit a project")
async def edit_project(project_id: str, body: EditProject, writing: Editing, operator: MaybeOperator) -> Project:
    """Only the fields that are sent change. More than name, description and providers takes the operator's token, or
    the role admin. Another `repo` or `base_branch` is looked at first."""
    if body.model_fields_set - _PLAIN:
        await operator.require()
    if body.model_fields_set & {"repo", "base_branch"} and await writing.answered() is None:
        known = await writing.cell.dispatcher.project(project_id)
        repo, base_branch = (body.changes().get(one, getattr(known, one)) for one in ("repo", "base_branch"))
        if repo is not None:
            await writing.cell.repositories.examine(repo, base_branch)
    return await _as_written(writing.cell, await writing.dispatch(body, project_id))


@router.delete("/{project_id}", summary="Archive a project")
async def archive_project(project_id: str, writing: Editing) -> Accepted:
    """It takes no more tasks and leaves the list; its history stays."""
    return await writing.dispatch(ArchiveProject(), project_id)


async def require_project(cell: Cell, project_id: str) -> Project:
    found = await cell.find(project_stream(project_id), lambda rows: model.project_of(rows, project_id))
    if found is None:
        raise _no_project(project_id)
    return found


def _no_project(project_id: str) -> NotFoundError:
    return NotFoundError(f"There is no project '{project_id}'.", remedy="Check the id, or make the project first.")


async def _same_name(cell: Cell, made: Project) -> tuple[str, ...]:
    """The other projects that had its name when it was made: as the log stood then, since a request that comes again is
    given the same answer."""
    try:
        await cell.wait_for(made.position)
        known = await cell.read(lambda rows: model.projects(rows, archived=True))
    except (BehindError, UnavailableError):
        return ()  # the project is made all the same
    found: list[str] = []
    for one in known:
        if one.name == made.name and one.id != made.id:
            then = await cell.dispatcher.projects.as_of(project_stream(one.id), made.position)
            if then is not None and then.name == made.name and not then.archived:
                found.append(one.id)
    return tuple(found)


# The fields of `vapora.domain.project.Project` that a view has under the same name.
_AS_FOLDED = (
    *("id", "name", "description", "repo", "base_branch", "setup", "checks", "copies", "read_only"),
    *("merge_policy", "sandbox", "providers", "archived"),
)


async def _as_written(cell: Cell, accepted: Accepted) -> Project:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    stream = project_stream(accepted.id)
    project = await cell.dispatcher.projects.as_of(stream, accepted.position)
    made = await cell.log.first(stream)
    if project is None or made is None:
        raise NotFoundError(f"There is no project '{accepted.id}'.", remedy="Check the id.")
    return Project(
        **{name: getattr(project, name) for name in _AS_FOLDED},
        accepted_file=None if project.accepted is None else project.accepted.sha256,
        paused=await _pause(cell, stream, accepted.position) if project.paused else None,
        created_at=made.recorded_at,
        position=accepted.position,
    )


async def _pause(cell: Cell, stream: StreamName, position: int) -> PauseView | None:
    """The one that holds at this position."""
    found = None
    for one in await cell.log.read(stream):
        if one.position <= position and isinstance(one.event, ProjectPaused):
            said = {"since": one.recorded_at, "reason": one.event.reason}
            found = PauseView(scope="project", id=stream.partition(":")[2], **said)
    return found
