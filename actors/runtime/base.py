"""The one handle protocol: every actor is a plain class with an address, and is spoken to through a reference.

Where the object lives (this process, a Ray actor of its own, one shared with its cell) is the runtime's business
and follows the placement map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["log", "coordinator", "budget", "projector", "agent", "router", "supervisor", "relay"]
Placement = Literal["separate", "packed"]

# Shared by all cells; everything else belongs to one workspace.
SHARED: frozenset[Kind] = frozenset({"router", "supervisor"})

# First who would start others again, last the writer: what the others still have to say must find it there.
STOP_ORDER: tuple[str, ...] = (
    "supervisor",
    "coordinator",
    "relay",
    "agents",
    "agent",
    "router",
    "budget",
    "projector",
    "cell",
    "log",
)

# Never sent twice by a transport: the call reaches a provider, and a second one would be a second bill.
NEVER_REPEATED = frozenset({"complete"})


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of an actor: `log/default`, `agent/default/architect`, `router`."""

    kind: Kind
    workspace: str = ""
    id: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.workspace, self.id) if part)

    @classmethod
    def parse(cls, text: str) -> Address:
        kind, workspace, id_ = [*text.split("/", 2), "", ""][:3]
        return cls(kind, workspace, id_)  # type: ignore[arg-type]


class Actor(Protocol):
    """What every actor offers beside its own methods. `start` rebuilds it from the log and begins its work."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def health(self) -> dict[str, Any]: ...


class Runtime(Protocol):
    """Finds actors and starts them on demand."""

    def ref(self, address: Address) -> Any:
        """A reference whose methods are the actor's own, as coroutines. Making one starts nothing."""
        ...

    async def stop(self, address: Address) -> None:
        """End the actor; the next call to its address starts it again."""
        ...

    async def shutdown(self) -> None:
        """End every actor that this installation started."""
        ...


Builder = Callable[[Address, Runtime], Actor]


def host_of(address: Address, placement: Placement) -> str:
    """The placement map: which process an object lives in.

    `separate` gives each object its own; `packed` puts a cell into one and its agents into another.
    """
    if placement == "separate" or address.kind in SHARED:
        return str(address)
    return f"agents/{address.workspace}" if address.kind == "agent" else f"cell/{address.workspace}"


def residents(host: str) -> tuple[Address, ...]:
    """The objects that a host starts by itself, also after a crash; agents are started by the work they get."""
    kind, _, workspace = host.partition("/")
    if kind == "cell":
        return tuple(Address(part, workspace) for part in ("log", "budget", "projector", "coordinator"))
    if kind == "agents":
        return ()
    return (Address.parse(host),)
