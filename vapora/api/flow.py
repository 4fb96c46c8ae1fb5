"""How the work flows, over all projects of the workspace."""

from __future__ import annotations

from fastapi import APIRouter

from projections import flow as model
from vapora import clock
from vapora.api.context import FreshCell
from vapora.api.forms import Days
from vapora.views import Dashboard

router = APIRouter(tags=["board"])


@router.get("/flow", summary="Show how the work of all projects flows")
async def get_flow(cell: FreshCell, days: Days = 30) -> Dashboard:
    """As `/projects/{id}/dashboard`, of all projects together, archived ones too."""
    today = clock.now().date()
    return await cell.read(lambda rows: model.dashboard(rows, None, rows.position, today, days))
