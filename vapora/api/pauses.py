"""Pausing a project or the whole workspace: nothing starts, and no new model call goes out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from vapora.api.context import PostKey, Writing
from vapora.commands import Pause, PauseProject, PauseWorkspace, ResumeProject, ResumeWorkspace
from vapora.views import Accepted

router = APIRouter()
# A body may be left out.
PauseBody = Annotated[Pause, Body(default_factory=Pause)]


@router.post("/projects/{project_id}/pause", tags=["projects"], summary="Pause a project")
async def pause_project(project_id: str, body: PauseBody, writing: Writing, key: PostKey) -> Accepted:
    """Nothing of it starts, and no new model call goes out; what is under way ends."""
    return await writing.dispatch(PauseProject(reason=body.reason), project_id, key)


@router.post("/projects/{project_id}/resume", tags=["projects"], summary="Let a project go on")
async def resume_project(project_id: str, writing: Writing, key: PostKey) -> Accepted:
    return await writing.dispatch(ResumeProject(), project_id, key)


@router.post("/pause", tags=["board"], summary="Pause everything")
async def pause_workspace(body: PauseBody, writing: Writing, key: PostKey) -> Accepted:
    """Nothing of the workspace starts, and no new model call goes out; what is under way ends."""
    return await writing.dispatch(PauseWorkspace(reason=body.reason), writing.cell.workspace, key)


@router.post("/resume", tags=["board"], summary="Let everything go on")
async def resume_workspace(writing: Writing, key: PostKey) -> Accepted:
    return await writing.dispatch(ResumeWorkspace(), writing.cell.workspace, key)
