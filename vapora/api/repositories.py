"""A project's repository: what stands there, and which of its own commands may be run."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter

from vapora.api.cells import Cell
from vapora.api.context import OPERATOR_ONLY, FreshCell, PostKey, Writing
from vapora.api.projects import require_project
from vapora.commands import AcceptFoundFile, AcceptProjectFile
from vapora.errors import NotFoundError
from vapora.views import Accepted, ProjectFile, RepositoryView

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("/{project_id}/repo", summary="Show a project's repository")
async def get_repository(project_id: str, cell: FreshCell) -> RepositoryView:
    """Branches and worktrees of its tasks; or `problem`, which says why it cannot be worked in."""
    await _require_repository(cell, project_id)
    return await cell.repositories.overview(project_id)


@router.get("/{project_id}/file", summary="Read the file by which a repository sets its project up")
async def get_project_file(project_id: str, cell: FreshCell) -> ProjectFile:
    """`.vapora/project.toml` of the base branch. Its setup and checks are run only after its text was accepted."""
    await _require_repository(cell, project_id)
    return await cell.repositories.project_file(project_id)


@router.post("/{project_id}/accept-file", summary="Accept that file", dependencies=[OPERATOR_ONLY])
async def accept_project_file(project_id: str, body: AcceptProjectFile, writing: Writing, key: PostKey) -> Accepted:
    """The commands of just this text may be run from now on. Refused where the base branch holds another one by now."""
    if (answered := await writing.answered(key)) is not None:
        return answered  # the base branch may hold another one by now
    await _require_repository(writing.cell, project_id)
    found = await writing.cell.repositories.project_file(project_id)
    text = await to_thread.run_sync(writing.cell.blobs.content, found.text or "")
    command = AcceptFoundFile(sha256=body.sha256, found=found.sha256, text=text)
    return await writing.dispatch(command, project_id, key)


async def _require_repository(cell: Cell, project_id: str) -> None:
    project = await require_project(cell, project_id)
    if project.repo is None:
        raise NotFoundError(
            f"The project '{project.name}' has no repository.", remedy="Name one: PATCH the project with 'repo'."
        )
