"""The policies that say who may do what, and a workspace's own among them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from events.ids import PEOPLE
from vapora import access
from vapora.api.caller import AskedBy
from vapora.api.context import PostKey
from vapora.api.forms import Position
from vapora.api.gate import LetIn
from vapora.api.people import People
from vapora.commands import SetPolicies
from vapora.errors import BehindError
from vapora.ports import Origin
from vapora.views import Policies

router = APIRouter(prefix="/policies", tags=["policies"])

# Where people, memberships and policies stand has a log of its own.
PeoplePosition = Annotated[
    Position | None,
    Query(description="A position, as a write about people answered it: the answer waits up to 5 s for it."),
]


@router.get("", summary="Show the policies")
async def get_policies(request: Request, admitted: LetIn, after: PeoplePosition = None) -> Policies:
    """Those that hold everywhere, and the workspace's own, in Cedar. docs/permissions.md says what they can name."""
    people: People = request.app.state.people
    if after:
        await people.wait_for(after)
    return await _shown(people, admitted.resource.workspace)


@router.put("", summary="Set the workspace's own policies")
async def set_policies(
    body: SetPolicies, request: Request, response: Response, admitted: LetIn, caller: AskedBy, key: PostKey
) -> Policies:
    """All of them anew. They are checked first: a text with a mistake is refused as a whole, with the line. They hold
    from the next request on."""
    access.check(body.text)
    people: People = request.app.state.people
    workspace = admitted.resource.workspace
    origin = Origin(PEOPLE, caller.name, admitted.correlation)
    accepted = await people.identity.carry_out(origin, body, workspace_id=workspace, key=key)
    response.headers["Vapora-Position"] = str(accepted.position)
    try:
        await people.wait_for(accepted.position)
    except BehindError:
        # They stand all the same.
        shown = await _shown(people, workspace)
        return shown.model_copy(update={"text": body.text, "position": accepted.position})
    return await _shown(people, workspace)


async def _shown(people: People, workspace_id: str) -> Policies:
    directory = await people.directory()
    found = directory.workspace(workspace_id)
    text = "" if found is None else found.policies
    return Policies(text=text, shipped=access.shipped(), position=directory.position)
