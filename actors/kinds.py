"""Every kind of actor, in one table. A new actor is one entry here, a class, and the function that builds it.

The table says what the runtimes, the supervisor and the composition need to know of a kind, and imports none of the
classes: a runtime can be read, and tested, without them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final, Literal, TypeVar

from vapora.errors import ConfigurationError

Placement = Literal["separate", "packed", "shards"]
# The process that an actor shares with others under the placement `packed`: with its workspace's cell or with the
# workspace's agents. Under `shards` those of a workspace share one with those of others. Those that belong to no
# workspace (`own`) have one together under every placement.
Host = Literal["cell", "agents", "own"]


@dataclass(frozen=True, slots=True)
class ActorKind:
    """`actor` is the class and `builder` the function that makes one, each as `module:name`. The builder takes the
    `Wiring` of `actors.composition` and the address.

    - `host` `own` also means that all workspaces share the one actor; any other belongs to one workspace.
    - `apart`: under the placement `separate` each of them has a process, and all others of its workspace one together.
    - `resident`: its cell runs only with it. Its host starts it, also after a crash, and the supervisor asks how it is.
      Any other is started by the first call to its address; and by the supervisor, where the read models say that the
      workspace uses it (`projections.uses`).
    - `setting`: the kind exists only where this setting has a value.
    """

    name: str
    actor: str
    builder: str
    host: Host
    resident: bool = False
    setting: str | None = None
    apart: bool = False

    @property
    def shared(self) -> bool:
        return self.host == "own"

    @property
    def role(self) -> str:
        """What people know it as: the name of its class."""
        return self.actor.partition(":")[2]


# In the order in which they stop: first those that would start others again, last the writer, since what the others
# still have to record must find it there.
_TABLE: Final = (
    ActorKind("supervisor", "actors.supervisor:Supervisor", "actors.composition.supervisor:build_supervisor", "own"),
    ActorKind("identity", "actors.identity:Identity", "actors.composition.identity:build_identity", "own"),
    ActorKind(
        "coordinator",
        "actors.coordinator:SwarmCoordinator",
        "actors.composition.coordinator:build_coordinator",
        "cell",
        True,
        apart=True,
    ),
    ActorKind(
        "relay", "actors.relay:Relay", "actors.composition.coordinator:build_relay", "cell", True, setting="nats_url"
    ),
    ActorKind("webhooks", "actors.webhooks:Webhooks", "actors.composition.outside:build_webhooks", "cell", True),
    ActorKind("trackers", "actors.trackers:Trackers", "actors.composition.outside:build_trackers", "cell"),
    ActorKind(
        "workflows",
        "actors.workflow_engine:WorkflowEngine",
        "actors.composition.workflows:build_workflows",
        "cell",
        True,
    ),
    ActorKind("agent", "actors.agent:Agent", "actors.composition.agents:build_agent", "agents", apart=True),
    ActorKind(
        "repositories",
        "actors.repositories:Repositories",
        "actors.composition.repositories:build_repositories",
        "cell",
        True,
    ),
    ActorKind(
        "mcp_gateway", "actors.mcp_gateway.gateway:McpGateway", "actors.composition.outside:build_mcp_gateway", "own"
    ),
    ActorKind("router", "actors.llm_router:LLMRouter", "actors.composition.router:build_router", "own"),
    ActorKind(
        "budget",
        "actors.budget_manager:BudgetManager",
        "actors.composition.budget:build_budget",
        "cell",
        True,
        apart=True,
    ),
    ActorKind("projector", "actors.projector:Projector", "actors.composition.projector:build_projector", "cell", True),
    ActorKind("log", "actors.log_writer:LogWriter", "actors.composition.log:build_log_writer", "cell", True),
)
KINDS: Final = {kind.name: kind for kind in _TABLE}
# Processes with several kinds of actors.
_SHARED_HOSTS: Final = ("cell", "agents", "shard", "shared")


def kind_of(name: str) -> ActorKind:
    """Raises `ConfigurationError` where the table has no such kind."""
    try:
        return KINDS[name]
    except KeyError:
        raise ConfigurationError(f"There is no kind of actor '{name}'.") from None


def residents(settings: object = None) -> tuple[str, ...]:
    """The kinds that a cell consists of, the writer first: without `settings`, those of every cell."""
    return tuple(
        kind.name
        for kind in reversed(_TABLE)
        if kind.resident and (kind.setting is None or getattr(settings, kind.setting, None))
    )


# What the people log has of a cell: it is no workspace, and nobody works in it.
PEOPLE_PARTS: Final = ("log", "projector")


def of_cells(only: Collection[str] | None = None) -> tuple[ActorKind, ...]:
    """The kinds that belong to one workspace, in the order in which they stop; of those that are named, if any are."""
    return tuple(kind for kind in _TABLE if not kind.shared and (only is None or kind.name in only))


def in_stop_order() -> tuple[ActorKind, ...]:
    return _TABLE


def stop_rank(host: str) -> int:
    """Where a kind, or a host of several, stands in the order of stopping. A host ends with its last actor."""
    if host in ("shard", "shared"):
        return len(_TABLE)
    if host in _SHARED_HOSTS:
        return max(at for at, kind in enumerate(_TABLE) if kind.host == host)
    return _TABLE.index(kind_of(host))


def role_of(host: str) -> str:
    """What a kind, or a host of several, is known as: `SwarmCoordinator`, `Cell`."""
    return host.capitalize() if host in _SHARED_HOSTS else kind_of(host).role


def load(path: str) -> Any:
    """What `module:name` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


Method = TypeVar("Method", bound=Callable[..., Any])
_MARK: Final = "__never_repeated__"


def never_repeated(method: Method) -> Method:
    """Mark a method that no transport may send twice, as one that reaches a provider: a second call would be a second
    bill. All others are repeated when the other side died, and must be safe to repeat."""
    setattr(method, _MARK, True)
    return method


@cache
def may_repeat(kind: str, method: str) -> bool:
    """Whether a call may be sent again after the actor died with it."""
    return not getattr(getattr(load(kind_of(kind).actor), method, None), _MARK, False)
