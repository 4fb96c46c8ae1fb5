"""Rules about projects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from events.base import DomainEvent, changes
from events.project import ProjectArchived, ProjectCreated, ProjectEdited
from vapora.commands import ArchiveProject, CreateProject, EditProject
from vapora.errors import ConflictError, NotFoundError

ProjectCommand = CreateProject | EditProject | ArchiveProject

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Project:
    """A project as its stream tells it."""

    id: str
    name: str
    description: str = ""
    repo: str | None = None
    archived: bool = False


def initial() -> Project | None:
    """Before its first event a project does not exist."""
    return None


def decide(state: Project | None, command: ProjectCommand, project_id: str) -> tuple[DomainEvent, ...]:
    """What `command` leads to for the project `project_id`, whose id the shell makes.

    Raises `NotFoundError` where there is nothing to change, `ConflictError` for an archived project or an id
    that another project has.
    """
    if isinstance(command, CreateProject):
        return _create(state, command, project_id)
    if state is None:
        raise _missing(project_id)
    if isinstance(command, ArchiveProject):
        return () if state.archived else (ProjectArchived(project_id=state.id),)
    return _edit(state, command)


def require_open(project: Project | None, project_id: str) -> Project:
    """The project, if work may be added to it; else `NotFoundError` or `ConflictError`."""
    if project is None:
        raise _missing(project_id)
    if project.archived:
        raise ConflictError(
            f"The project '{project.name}' is archived.", remedy="Use another project.", project_id=project.id
        )
    return project


def evolve(state: Project | None, event: DomainEvent) -> Project | None:
    """The state after `event`; events of other kinds change nothing."""
    if isinstance(event, ProjectCreated):
        return Project(event.project_id, event.name, event.description, event.repo)
    if state is None:
        return None
    if isinstance(event, ProjectEdited):
        return replace(state, **changes(event, "project_id"))
    if isinstance(event, ProjectArchived):
        return replace(state, archived=True)
    return state


def fold(events: Iterable[DomainEvent]) -> Project | None:
    """The project that these events of its stream make."""
    state = initial()
    for event in events:
        state = evolve(state, event)
    return state


def _create(state: Project | None, command: CreateProject, project_id: str) -> tuple[DomainEvent, ...]:
    if state is None:
        return (ProjectCreated(project_id=project_id, **command.model_dump()),)
    # The id is made once for each request: the same content under it is the same request, sent again.
    if (state.name, state.description, state.repo) == (command.name, command.description, command.repo):
        return ()
    raise ConflictError(
        f"There is a project '{project_id}' already.",
        remedy="Edit it, or create one under another id.",
        project_id=project_id,
    )


def _edit(state: Project, command: EditProject) -> tuple[DomainEvent, ...]:
    require_open(state, state.id)
    wanted = command.model_dump(exclude_none=True)
    changed = {field: value for field, value in wanted.items() if value != getattr(state, field)}
    return (ProjectEdited(project_id=state.id, **changed),) if changed else ()


def _missing(project_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no project '{project_id}'.", remedy="Create it first, or check the id.", project_id=project_id
    )
