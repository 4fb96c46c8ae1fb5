"""What the stream of a workflow folds to: its newest version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from events.base import DomainEvent
from events.workflow import WorkflowDefined, WorkflowRemoved
from vapora.domain.workflow.definition import Definition, read, stored
from vapora.errors import ConflictError, NotFoundError

# Where files of a project's repository stand. Those of the workspace's own folder have no slash in their name, by which
# both are told apart.
IN_REPOSITORY = ".vapora/workflows/"


@dataclass(frozen=True, slots=True)
class Workflow:
    """`number` 0: as it ships. `file`, `file_digest`: what it was last read from, also after it was removed. `package`:
    the one that this version is from."""

    id: str
    number: int
    definition: Mapping[str, Any] = field(default_factory=dict)
    removed: bool = False
    file: str = ""
    file_digest: str = ""
    package: str = ""

    @property
    def read(self) -> Definition:
        return read(dict(self.definition))

    @property
    def only_in(self) -> str | None:
        """The one project that it may make cards in; None: any."""
        return self.definition.get("project_id") if self.file.startswith(IN_REPOSITORY) else None


def source_of(number: int, file: str, package: str) -> Literal["shipped", "api", "file", "repository", "package"]:
    if number == 0:
        return "shipped"
    if file:
        return "repository" if file.startswith(IN_REPOSITORY) else "file"
    return "package" if package else "api"


def fold(workflow_id: str, events: Iterable[DomainEvent], shipped: Mapping[str, Any] | None) -> Workflow | None:
    found = None if shipped is None else Workflow(workflow_id, 0, shipped)
    for event in events:
        match event:
            case WorkflowDefined():
                found = Workflow(
                    workflow_id,
                    event.number,
                    event.definition,
                    False,
                    event.file,
                    event.file_digest,
                    event.package,
                )
            case WorkflowRemoved():
                number = 0 if found is None else found.number
                found = Workflow(workflow_id, number, {}, True, event.file, event.file_digest)
    return found


def require(found: Workflow | None, workflow_id: str) -> Workflow:
    if found is None or found.removed:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.", remedy="List the workflows.")
    return found


_WHOSE = {
    "shipped": "one that ships",
    "api": "one that people made",
    "file": "a file of the workspace's folder",
    "repository": "another file of a repository",
    "package": "one of an installed package",
}


def require_free(found: Workflow | None, file: str, project_id: str) -> None:
    """A file of a repository takes no name that something else has: neither what ships or was installed, nor what the
    workspace or another project defined. Raises `ConflictError`."""
    if found is None or (found.file == file and (found.removed or found.definition.get("project_id") == project_id)):
        return
    whose = _WHOSE[source_of(found.number, found.file, found.package)]
    raise ConflictError(f"The name '{found.id}' is taken by {whose}.", remedy="Give the file another name.")


def define(
    found: Workflow | None,
    workflow_id: str,
    definition: Definition,
    file: str = "",
    file_digest: str = "",
    package: str = "",
) -> tuple[DomainEvent, ...]:
    """A new version, unless it says what the newest one does."""
    data = stored(definition)
    same = found is not None and not found.removed and dict(found.definition) == data
    if same and found is not None and (not file or (found.file, found.file_digest) == (file, file_digest)):
        return ()
    return (
        WorkflowDefined(
            workflow_id=workflow_id,
            number=1 if found is None else found.number + 1,
            definition=data,
            file=file,
            file_digest=file_digest,
            package=package,
        ),
    )


def remove(found: Workflow | None, workflow_id: str) -> tuple[DomainEvent, ...]:
    known = require(found, workflow_id)
    # What a file says is read again only once the file says something else.
    return (WorkflowRemoved(workflow_id=workflow_id, file=known.file, file_digest=known.file_digest),)
