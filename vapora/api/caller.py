"""Who asks. Each request has one caller, found before anything else is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import Depends
from starlette.requests import HTTPConnection

# Everybody is this one while nobody has to sign in; the log keeps the name for ever.
LOCAL_USER = "user:local"
CallerKind = Literal["local", "operator", "user", "token"]


@dataclass(frozen=True, slots=True)
class Caller:
    """`id`: of the user or token; empty for the other kinds. `local`: whoever sits at this machine while nobody has to
    sign in. `operator`: who sent the operator's token, and so can read the data folder; `at_home`, while nobody has to
    sign in: then it is the person at this machine, by the same name. `session_id`: in which a user asks.
    `expires_at`: until when what they sent lets them in."""

    kind: CallerKind
    id: str = ""
    session_id: str = ""
    at_home: bool = False
    expires_at: datetime | None = None

    @property
    def name(self) -> str:
        """As the log names who does something: `user:local`, `operator`, `user:<id>`, `token:<id>`."""
        if self.kind == "local" or self.at_home:
            return LOCAL_USER
        return self.kind if self.kind == "operator" else f"{self.kind}:{self.id}"

    @property
    def is_anybody(self) -> bool:
        """Whether it is a person or program with an account, who may reach what their memberships say. Others own the
        installation."""
        return self.kind in ("user", "token")


class Callers(Protocol):
    """Finds out who asks."""

    async def of(self, authorization: str | None) -> Caller:
        """By the header `Authorization`. Raises `UnauthenticatedError`."""
        ...

    async def still(self, caller: Caller) -> bool:
        """Whether one who was let in before still would be."""
        ...


async def caller_of(connection: HTTPConnection) -> Caller:
    """Who asks, found once for each request. Raises `UnauthenticatedError`."""
    callers: Callers = connection.app.state.callers
    found: Caller | None = getattr(connection.state, "caller", None)
    if found is None:
        found = connection.state.caller = await callers.of(connection.headers.get("Authorization"))
    return found


# Who sends this request.
AskedBy = Annotated[Caller, Depends(caller_of)]
