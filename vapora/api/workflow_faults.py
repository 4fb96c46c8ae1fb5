"""Files of workflows that have a fault, where people look for workflows: beside those that there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from vapora.api.cells import Cell
from vapora.domain.workflow.catalogue import IN_REPOSITORY
from vapora.errors import UnavailableError
from vapora.views import WorkflowSummary

# A list of what there is does not wait longer for what is wrong with files.
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class FileFault:
    """`project_id`: of a repository; empty: of the workspace's folder. `file`: as `WorkflowSummary.file` names it."""

    project_id: str
    file: str
    problem: str

    @property
    def workflow_id(self) -> str:
        return PurePosixPath(self.file).stem


async def file_faults(cell: Cell) -> tuple[FileFault, ...]:
    """Of files that who reads the cell may know of. None where the engine does not answer: /health says so."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            told = await cell.workflow_engine.file_problems()
    except (TimeoutError, UnavailableError):
        return ()
    return tuple(one for one in read(told) if one.project_id not in cell.hidden)


def read(problems: Mapping[str, str]) -> Iterator[FileFault]:
    """`problems`: by `project:path` or by the name of a file; what is about no file is left out."""
    for place, problem in problems.items():
        project_id, _, path = place.partition(":")
        if path.startswith(IN_REPOSITORY):
            yield FileFault(project_id, path, problem)
        elif place.endswith((".toml", ".json")):
            yield FileFault("", place, problem)


def with_faults(found: Iterable[WorkflowSummary], faults: Iterable[FileFault]) -> list[WorkflowSummary]:
    """Each fault at the workflow that its file is named after; a row of its own where there is none, with version 0
    and no stages. Of a repository it says which file of which project it is about: several may have one of a name."""
    rows = {one.id: one for one in found}
    for fault in faults:
        row = rows.get(fault.workflow_id) or _nothing_yet(fault)
        problem = f"{fault.file} of {fault.project_id}: {fault.problem}" if fault.project_id else fault.problem
        told = row.problem if problem in row.problem else f"{row.problem}\n{problem}".strip()
        rows[row.id] = row.model_copy(update={"problem": told})
    return list(rows.values())


def _nothing_yet(fault: FileFault) -> WorkflowSummary:
    return WorkflowSummary(
        id=fault.workflow_id,
        name=fault.workflow_id,
        description="",
        version=0,
        source="repository" if fault.project_id else "file",
        file=fault.file,
        trigger="manual",
        stages=(),
    )
