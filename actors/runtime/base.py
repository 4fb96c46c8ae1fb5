"""The one handle protocol: every actor is a plain class with an address, and is spoken to through a reference.

Where the object lives (this process, a Ray actor of its own, one shared with its cell) is the runtime's business
and follows the placement map.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from actors import kinds
from actors.kinds import ActorKind, Placement
from events.ids import PEOPLE
from vapora.domain.cell import Rest
from vapora.domain.shards import shard_of


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of an actor: `log/default`, `agent/default/architect`, `router`.

    `fields`: what lines of the journal say of who writes them; kept, since every call needs it. Raises
    `ConfigurationError` for a kind that the table (`actors/kinds.py`) does not have."""

    kind: str
    workspace: str = ""
    id: str = ""
    fields: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds.kind_of(self.kind)
        workspace = {"workspace": self.workspace} if self.workspace else {}
        object.__setattr__(self, "fields", {"actor": str(self), **workspace})

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.workspace, self.id) if part)

    @classmethod
    def parse(cls, text: str) -> Address:
        kind, workspace, id_ = [*text.split("/", 2), "", ""][:3]
        return cls(kind, workspace, id_)


class Actor(Protocol):
    """What every actor offers beside its own methods. `start` rebuilds it from the log and begins its work."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def health(self) -> dict[str, Any]: ...


class Resident(Actor, Protocol):
    """What an actor offers that is always there while its cell is open."""

    async def rest(self) -> Rest:
        """Whether it may be stopped now, and when time alone moves something of it. With a problem it may not: nobody
        knows then what it still has to do."""
        ...


class Runtime(Protocol):
    """Finds actors and starts them on demand."""

    def ref(self, address: Address) -> Any:
        """A reference whose methods are the actor's own, as coroutines. Making one starts nothing."""
        ...

    async def stop(self, address: Address) -> None:
        """End the actor; the next call to its address starts it again."""
        ...

    async def discard(self, address: Address) -> None:
        """End an actor at once that may not listen any more, without asking it to stop; the next call to its address
        starts it again. Where it shares a process with others and that process answers, only the actor ends."""
        ...

    async def close_cell(self, workspace: str, only: Collection[str] | None = None, *, for_good: bool = False) -> None:
        """End every actor of the workspace, or those of some kinds, in the table's order, with the processes that were
        theirs alone.

        A call that comes meanwhile waits, and starts what it needs again. `for_good`: nobody of it runs here when this
        returns; a call that comes meanwhile to who has stopped is refused with an `UnavailableError`."""
        ...

    async def shutdown(self) -> None:
        """End every actor that this installation started."""
        ...


Builder = Callable[[Address, Runtime], Actor]


# The process of those that belong to no workspace.
SHARED: Final = "shared"


def host_of(address: Address, placement: Placement, shards: int = 1) -> str:
    """The placement map: which process an object lives in.

    What belongs to no workspace (the log of people is such a one) has one together, apart from those of workspaces:
    whether somebody may sign in, and whether a call of a model is paid, does not hang on a cell that dies. `separate`
    gives each agent, the coordinator and the budget manager their own, and the rest of a cell one; `packed` puts a cell
    into one and its agents into another; `shards` puts all of many workspaces into one.
    """
    kind = kinds.kind_of(address.kind)
    if kind.shared or address.workspace == PEOPLE:
        return SHARED
    if placement == "shards":
        return f"shard/{shard_of(address.workspace, shards)}"
    if placement == "packed":
        return f"{kind.host}/{address.workspace}"
    return str(address) if kind.apart else f"cell/{address.workspace}"


def process_of(kind: ActorKind, placement: Placement) -> str:
    """What the names of the processes begin with that hold actors of this kind."""
    return host_of(Address(kind.name, "" if kind.shared else "any"), placement).partition("/")[0]


def residents(host: str, placement: Placement) -> tuple[Address, ...]:
    """The objects that a host starts by itself, also after a crash; agents are started by the work they get, and what a
    shard holds is known to the supervisor."""
    kind, _, workspace = host.partition("/")
    if kind == SHARED:
        people = (Address(part, PEOPLE) for part in kinds.PEOPLE_PARTS)
        return *people, Address("identity"), Address("router"), Address("supervisor")
    if kind == "cell":
        parts = (Address(part, workspace) for part in kinds.residents())
        return tuple(one for one in parts if host_of(one, placement) == host)
    if kind in ("agents", "shard"):
        return ()
    return (Address.parse(host),)
