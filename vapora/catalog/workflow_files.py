"""Workflows as files, of a workspace's folder or of a project's repository: `NAME.toml` or `NAME.json` defines the
workflow `NAME`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from vapora.catalog.shipped_workflows import known
from vapora.domain.workflow.check import Fault, check, parse_text, refused
from vapora.domain.workflow.definition import Definition

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """`name`: the file's. `digest`: SHA-256 of its text, in hex. One of `definition` and `problem` is there."""

    name: str
    workflow_id: str
    digest: str = ""
    definition: Definition | None = None
    problem: str = ""


def listed(folder: Path) -> dict[str, tuple[int, int]] | None:
    """Each file that defines a workflow, with its time (ns) and size in bytes: whether anything changed. None: there is
    no such folder. Raises `OSError` where it cannot be read."""
    if not folder.is_dir():
        return None
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".toml", ".json") and path.is_file():
            told = path.stat()
            found[path.name] = (told.st_mtime_ns, told.st_size)
    return found


def read_file(path: Path) -> WorkflowFile:
    """What it says now; whatever is wrong with it is its `problem`."""
    name, workflow_id = path.name, path.stem
    if not _NAME.fullmatch(workflow_id):
        return WorkflowFile(name, workflow_id, problem="Name it by small letters, digits and dashes, 60 at most.")
    other = path.with_suffix(".toml")
    if path.suffix == ".json" and other.is_file():
        return WorkflowFile(name, workflow_id, problem=f"{other.name} defines the same workflow; remove one of them.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            return WorkflowFile(name, workflow_id, problem=f"It is longer than {_MOST_BYTES} bytes.")
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        return WorkflowFile(name, workflow_id, problem=f"It cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        return WorkflowFile(name, workflow_id, problem="It is no text in UTF-8.")
    digest = hashlib.sha256(raw).hexdigest()
    data = parse_text(text)
    return _checked(WorkflowFile(name, workflow_id, digest), (data,) if isinstance(data, Fault) else data)


def of_repository(path: str, text: str, project_id: str) -> WorkflowFile:
    """What a file on the base branch of a project's repository says. It defines a workflow of that project alone, and
    begins nothing by itself."""
    place = PurePosixPath(path)
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = WorkflowFile(path, place.stem, digest)
    if not _NAME.fullmatch(place.stem):
        return replace(found, problem="Name it by small letters, digits and dashes, 60 at most.")
    data = parse_text(text)
    if isinstance(data, Fault):
        return _checked(found, (data,))
    faults = tuple(_elsewhere(data, project_id))
    return _checked(found, faults or {**data, "project_id": project_id})


def _elsewhere(data: Mapping[str, Any], project_id: str) -> Iterator[Fault]:
    """What would reach beyond the project."""
    if data.get("trigger", "manual") != "manual":
        yield Fault("trigger", "A file of a repository begins nothing by itself: make a schedule for it.")
    cards: list[tuple[str, Any]] = [("", data)]
    for stage in data["stages"] if isinstance(data.get("stages"), list) else ():
        if isinstance(stage, Mapping):
            place, undo = f"stages.{stage.get('name')}", stage.get("compensate")
            cards.append((f"{place}.task.", stage.get("task")))
            cards.append((f"{place}.compensate.task.", undo.get("task") if isinstance(undo, Mapping) else None))
    for place, card in cards:
        if isinstance(card, Mapping) and card.get("project_id", project_id) != project_id:
            yield Fault(
                f"{place}project_id", "A file of a repository makes cards of its own project alone: leave it out."
            )


def _checked(found: WorkflowFile, data: Mapping[str, Any] | tuple[Fault, ...]) -> WorkflowFile:
    definition, faults = (None, data) if isinstance(data, tuple) else check(data, known())
    if definition is None:
        return replace(found, problem=refused(faults).message)
    return replace(found, definition=definition)


def problem_of(folder: Path, name: str) -> str:
    """What is wrong with the file that a workflow was read from; empty: nothing, or it is not on this machine."""
    path = folder / name
    return read_file(path).problem if name and path.is_file() else ""
