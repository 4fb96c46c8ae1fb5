"""What was spent, by whatever somebody asks for."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from projections import costs as model
from vapora.api.context import Cursor, FreshCell, Limit
from vapora.api.pages import Orders, in_order, page_of
from vapora.errors import BadInputError
from vapora.views import Cost, Page

router = APIRouter(tags=["costs"])

Sort = Literal["cost", "-cost", "calls", "-calls"]
_ORDERS: Orders[Cost] = {"cost": lambda one: one.cost_microusd, "calls": lambda one: one.calls}

_GROUP = f" *({'|'.join(model.GROUPS)}) *"
_GROUPS = re.compile(f"({_GROUP}(,{_GROUP})*)?")


@router.get("/costs", summary="Report the costs")
async def get_costs(
    cell: FreshCell,
    group_by: Annotated[
        str,
        Query(
            description=f"Keys, separated by commas: {', '.join(model.GROUPS)}. None: one sum.",
            json_schema_extra={"pattern": f"^{_GROUPS.pattern}$"},
            max_length=200,
            examples=["provider,role"],
        ),
    ] = "",
    project_id: Annotated[str | None, Query(description="Of this project only.")] = None,
    sort: Annotated[Sort | None, Query(description="By what; with - the other way round.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[Cost]:
    """Real and simulated money are apart; `calls` includes those whose bill is unknown, at their worst case."""
    if not _GROUPS.fullmatch(group_by):
        remedy = f"Use some of {', '.join(model.GROUPS)}, separated by commas."
        raise BadInputError(f"Costs cannot be grouped by {group_by!r}.", remedy=remedy, field="group_by", where="query")
    keys = tuple(key.strip() for key in group_by.split(",") if key.strip())
    found = await cell.read(lambda rows: model.costs(rows, keys, project_id))
    return page_of(in_order(found, _ORDERS, sort), _name, limit, cursor)


def _name(cost: Cost) -> str:
    return "/".join([*cost.key.values(), *(["simulated"] if cost.simulated else [])]) or "all"
