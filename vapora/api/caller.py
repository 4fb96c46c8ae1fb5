"""Who asks. Each request has one caller, found before anything else is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from fastapi import Depends, Request

# Everybody is this one while nobody has to sign in; the log keeps the name for ever.
LOCAL_USER = "user:local"
CallerKind = Literal["local", "operator", "user", "token"]


@dataclass(frozen=True, slots=True)
class Caller:
    """`id`: of the user or token; empty for the other kinds. `local`: whoever sits at this machine while nobody has to
    sign in. `operator`: who sent the operator's token, and so can read the data folder."""

    kind: CallerKind
    id: str = ""

    @property
    def name(self) -> str:
        """As the log names who does something: `user:local`, `operator`, `user:<id>`, `token:<id>`."""
        if self.kind == "local":
            return LOCAL_USER
        return self.kind if self.kind == "operator" else f"{self.kind}:{self.id}"


class Callers(Protocol):
    """Finds out who asks."""

    async def of(self, authorization: str | None) -> Caller:
        """By the header `Authorization`. Raises `UnauthenticatedError`."""
        ...


class EverybodyLocal:
    """While nobody has to sign in."""

    async def of(self, authorization: str | None) -> Caller:
        return Caller("local")


async def caller_of(request: Request) -> Caller:
    """Asked once for each request. Raises `UnauthenticatedError`."""
    callers: Callers = request.app.state.callers
    found: Caller | None = getattr(request.state, "caller", None)
    if found is None:
        found = request.state.caller = await callers.of(request.headers.get("Authorization"))
    return found


# Who sends this request.
AskedBy = Annotated[Caller, Depends(caller_of)]
