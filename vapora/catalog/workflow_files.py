"""Workflows as files of a folder: `NAME.toml` or `NAME.json` defines the workflow `NAME`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

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
    definition, faults = (None, (data,)) if isinstance(data, Fault) else check(data, known())
    if definition is None:
        return WorkflowFile(name, workflow_id, digest, problem=refused(faults).message)
    return WorkflowFile(name, workflow_id, digest, definition)


def problem_of(folder: Path, name: str) -> str:
    """What is wrong with the file that a workflow was read from; empty: nothing, or it is not on this machine."""
    path = folder / name
    return read_file(path).problem if name and path.is_file() else ""
