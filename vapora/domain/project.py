"""Rules about projects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from events.base import DomainEvent, changes
from events.content import Content
from events.ids import MergePolicy
from events.project import (
    ProjectArchived,
    ProjectCreated,
    ProjectEdited,
    ProjectFileAccepted,
    ProjectPaused,
    ProjectResumed,
)
from events.work import Check
from vapora.commands import ArchiveProject, CreateProject, EditProject, Pause, ProjectCheck, Resume
from vapora.domain.project_file import ProjectFile
from vapora.errors import BadInputError, ConflictError, NotFoundError

ProjectCommand = CreateProject | EditProject | ArchiveProject | Pause | Resume
Events = tuple[DomainEvent, ...]

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 2


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """`.vapora/project.toml` as a person accepted it."""

    sha256: str
    text: Content


@dataclass(frozen=True, slots=True)
class Project:
    """A project as its stream tells it: what people set. What the accepted file adds is in `in_effect`."""

    id: str
    name: str
    description: str = ""
    repo: str | None = None
    archived: bool = False
    base_branch: str | None = None
    setup: tuple[str, ...] | None = None
    checks: tuple[Check, ...] | None = None
    copies: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    merge_policy: MergePolicy = MergePolicy.MANUAL
    sandbox: str | None = None
    providers: tuple[str, ...] = ()
    accepted: AcceptedFile | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class InEffect:
    """What holds for work in the project's repository. `base_branch` None: the one that it has checked out."""

    base_branch: str | None
    setup: tuple[str, ...]
    checks: tuple[Check, ...]


def initial() -> Project | None:
    """Before its first event a project does not exist."""
    return None


def decide(state: Project | None, command: ProjectCommand, project_id: str) -> Events:
    """What `command` leads to for the project `project_id`, whose id the shell makes.

    Raises `NotFoundError` where there is nothing to change, `ConflictError` for an archived project or an id
    that another project has, `BadInputError` for checks of one name.
    """
    if isinstance(command, CreateProject):
        return _create(state, command, project_id)
    if state is None:
        raise _missing(project_id)
    match command:
        case ArchiveProject():
            return () if state.archived else (ProjectArchived(project_id=state.id),)
        case Pause():
            require_open(state, state.id)
            return () if state.paused else (ProjectPaused(project_id=state.id, reason=command.reason),)
        case Resume():
            return (ProjectResumed(project_id=state.id),) if state.paused else ()
        case EditProject():
            return _edit(state, command)


def accept_file(state: Project | None, project_id: str, sha256: str, text: Content, found_sha256: str | None) -> Events:
    """A person agrees that the commands of `.vapora/project.toml` run. `sha256`: of the text that they read;
    `found_sha256` and `text`: what the base branch holds now (None: there is no such file)."""
    project = require_open(state, project_id)
    if found_sha256 is None:
        raise NotFoundError("The base branch has no .vapora/project.toml.", remedy="Commit one first.")
    if found_sha256 != sha256:
        raise ConflictError(
            "The file is another one by now.", remedy="Read it again, and accept that text.", sha256=found_sha256
        )
    if project.accepted is not None and project.accepted.sha256 == sha256:
        return ()
    return (ProjectFileAccepted(project_id=project.id, sha256=sha256, text=text),)


def in_effect(project: Project, accepted: ProjectFile | None) -> InEffect:
    """`accepted`: the file that `project.accepted` holds. What a person set wins, also where that is nothing."""
    file = accepted or ProjectFile()
    checks = tuple(one.check() for one in file.checks or ())
    return InEffect(
        base_branch=project.base_branch or file.base_branch,
        setup=project.setup if project.setup is not None else file.setup or (),
        checks=project.checks if project.checks is not None else checks,
    )


def require(project: Project | None, project_id: str) -> Project:
    """The project, or `NotFoundError`."""
    if project is None:
        raise _missing(project_id)
    return project


def require_open(project: Project | None, project_id: str) -> Project:
    """The project, if work may be added to it; else `NotFoundError` or `ConflictError`."""
    project = require(project, project_id)
    if project.archived:
        raise ConflictError(
            f"The project '{project.name}' is archived.", remedy="Use another project.", project_id=project.id
        )
    return project


def evolve(state: Project | None, event: DomainEvent) -> Project | None:
    """The state after `event`; events of other kinds change nothing."""
    if isinstance(event, ProjectCreated):
        fields = {name: getattr(event, name) for name in type(event).model_fields if name != "project_id"}
        return Project(id=event.project_id, **fields)
    if state is None:
        return None
    match event:
        case ProjectEdited():
            # The names from `changes`; the values as the event has them, since checks are no plain data.
            return replace(state, **{name: getattr(event, name) for name in changes(event, "project_id")})
        case ProjectFileAccepted():
            return replace(state, accepted=AcceptedFile(event.sha256, event.text))
        case ProjectPaused():
            return replace(state, paused=True)
        case ProjectResumed():
            return replace(state, paused=False)
        case ProjectArchived():
            return replace(state, archived=True)
        case _:
            return state


def fold(events: Iterable[DomainEvent]) -> Project | None:
    """The project that these events of its stream make."""
    state = initial()
    for event in events:
        state = evolve(state, event)
    return state


def _create(state: Project | None, command: CreateProject, project_id: str) -> Events:
    wanted = _wanted(command, command.model_dump())
    event = ProjectCreated(project_id=project_id, **wanted)
    if state is None:
        return (event,)
    # The id is made once for each request: the same content under it is the same request, sent again.
    if evolve(None, event) == state:
        return ()
    raise ConflictError(
        f"There is a project '{project_id}' already.",
        remedy="Edit it, or create one under another id.",
        project_id=project_id,
    )


def _edit(state: Project, command: EditProject) -> Events:
    require_open(state, state.id)
    wanted = _wanted(command, command.changes())
    changed = {field: value for field, value in wanted.items() if value != getattr(state, field)}
    cleared = tuple(field for field, value in changed.items() if value is None)
    return (ProjectEdited(project_id=state.id, **changed, cleared=cleared),) if changed else ()


def _wanted(command: CreateProject | EditProject, fields: dict[str, Any]) -> dict[str, Any]:
    """The command's fields as events and state have them."""
    checks = command.checks
    if checks is None:
        return fields
    _check_names(checks)
    return fields | {"checks": tuple(one.check() for one in checks)}


def _check_names(checks: tuple[ProjectCheck, ...]) -> None:
    names = [one.name for one in checks]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(f"Two checks are called '{twice}'.", remedy="Give each its own name.", field="checks")


def _missing(project_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no project '{project_id}'.", remedy="Create it first, or check the id.", project_id=project_id
    )
