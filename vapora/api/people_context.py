"""What a request about people carries: who asks, how new an answer must be, and the owner of the people log."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request, Response

from events.ids import PEOPLE
from vapora.api.caller import AskedBy
from vapora.api.client_address import client_address, whose
from vapora.api.context import PostKey
from vapora.api.forms import Position
from vapora.api.people import People
from vapora.commands import Command
from vapora.domain.people import Directory
from vapora.ports import IdentityPort, Origin
from vapora.views import Accepted

# As the log names who has not said yet who they are.
NOBODY = "nobody"


def people_of(request: Request) -> People:
    found: People = request.app.state.people
    return found


AllPeople = Annotated[People, Depends(people_of)]


async def _directory(
    people: AllPeople,
    after: Annotated[
        Position | None,
        Query(
            description="A position of the people log, as a write about people answered it: the answer waits up to 5 s "
            "until it includes that.",
        ),
    ] = None,
) -> Directory:
    if after:
        await people.wait_for(after)
    return await people.directory()


# Who there is, with all that the caller has seen.
FreshPeople = Annotated[Directory, Depends(_directory)]


class PeopleWriter:
    """Carries out a request's command about people. Its positions are those of the people log."""

    def __init__(self, request: Request, response: Response, caller: AskedBy, people: AllPeople, key: PostKey) -> None:
        self.caller = caller
        self.origin = Origin(PEOPLE, caller.name, request.state.correlation)
        self.key = key
        self._people = people
        self._response = response

    @property
    def identity(self) -> IdentityPort:
        return self._people.identity

    async def carry_out(self, command: Command, target: str = "", workspace_id: str = "") -> Accepted:
        accepted = await self.identity.carry_out(self.origin, command, target, workspace_id, self.key)
        await self.wrote(accepted.position)
        return accepted

    async def wrote(self, position: int) -> None:
        """Says where the write stands, once this replica knows of it: the next request here sees it."""
        await self._people.wait_for(position)
        self._response.headers["Vapora-Position"] = str(position)


PeopleWriting = Annotated[PeopleWriter, Depends(PeopleWriter)]


def unknown_origin(request: Request) -> Origin:
    return Origin(PEOPLE, NOBODY, request.state.correlation)


# Of a request that is to find out who asks.
UnknownOrigin = Annotated[Origin, Depends(unknown_origin)]


def source_of(request: Request) -> str:
    """Where it comes from, as an address of the network."""
    address = client_address(request.scope, request.app.state.trusted_proxies)
    return "" if address is None else whose(address)


Source = Annotated[str, Depends(source_of)]
