"""What is set for the workspace, and what a person prefers."""

from __future__ import annotations

from fastapi import APIRouter

from projections import settings as model
from vapora.api.caller import AskedBy
from vapora.api.context import FreshCell, Writing
from vapora.commands import ChangePreferences, ChangeSettings
from vapora.views import Preferences, WorkspaceSettings

router = APIRouter(tags=["settings"])


@router.get("/settings", summary="Show what is set for the workspace")
async def get_settings(cell: FreshCell) -> WorkspaceSettings:
    return await cell.read(model.settings) or WorkspaceSettings()


@router.put("/settings", summary="Set what holds for the workspace")
async def set_settings(body: ChangeSettings, writing: Writing) -> WorkspaceSettings:
    """All of it anew: what is left out takes its default."""
    accepted = await writing.dispatch(body)
    return WorkspaceSettings(**body.model_dump(), position=accepted.position)


@router.get("/preferences", summary="Show what you prefer")
async def get_preferences(cell: FreshCell, caller: AskedBy) -> Preferences:
    """Of who asks. While nobody has to sign in, everybody is the same one person."""
    found = await cell.read(lambda rows: model.preferences(rows, caller.name))
    return found or Preferences(user_id=caller.name)


@router.put("/preferences", summary="Say what you prefer")
async def set_preferences(body: ChangePreferences, writing: Writing, caller: AskedBy) -> Preferences:
    """All of it anew: what is left out takes its default."""
    accepted = await writing.dispatch(body, caller.name)
    return Preferences(user_id=caller.name, **body.model_dump(), position=accepted.position)
