"""What was spent, by whatever somebody asks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from projections import costs as model
from vapora.api.context import FreshCell
from vapora.views import Cost, Page

router = APIRouter(tags=["costs"])

_GROUP = f" *({'|'.join(model.GROUPS)}) *"


@router.get("/costs", summary="Report the costs")
async def get_costs(
    cell: FreshCell,
    group_by: Annotated[
        str,
        Query(
            description=f"Keys, separated by commas: {', '.join(model.GROUPS)}. None: one sum.",
            pattern=f"^({_GROUP}(,{_GROUP})*)?$",
            max_length=200,
            examples=["provider,role"],
        ),
    ] = "",
) -> Page[Cost]:
    """Real and simulated money are apart; `calls` includes those whose bill is unknown, at their worst case."""
    keys = tuple(key.strip() for key in group_by.split(",") if key.strip())
    return Page[Cost](items=await cell.read(lambda rows: model.costs(rows, keys)))
