"""What is set for the workspace, and what a person prefers."""

from __future__ import annotations

from fastapi import APIRouter

from events.ids import SETTINGS, preferences_stream
from projections import settings as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.caller import AskedBy
from vapora.api.cells import Cell
from vapora.api.context import Editing, FreshCell
from vapora.api.etags import Reading, Versioned, versioned
from vapora.commands import ChangePreferences, ChangeSettings
from vapora.errors import BadInputError
from vapora.views import Preferences, WorkspaceSettings

router = APIRouter(tags=["settings"])


@router.get("/settings", summary="Show what is set for the workspace")
async def get_settings(cell: FreshCell, reading: Reading) -> WorkspaceSettings:
    def question(rows: ReadSnapshot) -> Versioned[WorkspaceSettings]:
        return versioned(rows, model.settings(rows) or WorkspaceSettings(), model.Settings.NAME, SETTINGS)

    return reading.tagged(await cell.read(question))


@router.put("/settings", summary="Set what holds for the workspace")
async def set_settings(body: ChangeSettings, writing: Editing) -> WorkspaceSettings:
    """All of it anew: what is left out takes its default."""
    _require_makes_vectors(writing.cell, body.search_vectors or "")
    accepted = await writing.dispatch(body)
    return WorkspaceSettings(**body.model_dump(), position=accepted.position)


def _require_makes_vectors(cell: Cell, chosen: str) -> None:
    provider, _, model = chosen.partition(":")
    if not model:
        return
    known = cell.catalogue()
    if known.embedding(provider, model) is None:
        listed = ", ".join(f"{one}:{name}" for one, name in known.embeddings)
        raise BadInputError(
            f"{chosen} makes no vectors of texts, as far as the catalogue of models knows.",
            remedy=f"Take one of {listed}, any model of Ollama, or name yours in VAPORA_MODELS_FILE.",
            field="search_vectors",
        )


@router.get("/preferences", summary="Show what you prefer")
async def get_preferences(cell: FreshCell, caller: AskedBy, reading: Reading) -> Preferences:
    """Of who asks. While nobody has to sign in, everybody is the same one person."""
    user, name = caller.name, model.Settings.NAME

    def question(rows: ReadSnapshot) -> Versioned[Preferences]:
        shown = model.preferences(rows, user) or Preferences(user_id=user)
        return versioned(rows, shown, name, preferences_stream(user))

    return reading.tagged(await cell.read(question))


@router.put("/preferences", summary="Say what you prefer")
async def set_preferences(body: ChangePreferences, writing: Editing, caller: AskedBy) -> Preferences:
    """All of it anew: what is left out takes its default."""
    accepted = await writing.dispatch(body, caller.name)
    return Preferences(user_id=caller.name, **body.model_dump(), position=accepted.position)
