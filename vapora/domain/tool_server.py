"""Rules about servers of tools: what one is, who may change it, and what holds for each of its tools."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from events.base import DomainEvent
from events.tool_server import BuiltInTransport, StdioTransport, ToolRule, ToolServerRemoved, ToolServerSet
from vapora.commands.tool_servers import RemoveToolServer, SetToolServer
from vapora.domain.tool_names import LONGEST_SERVER, SERVER_PATTERN, joined, parted
from vapora.errors import BadInputError, ConflictError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
MOST_SERVERS = 100
# What somebody else than a server's owner may say of it.
_ANYBODYS = frozenset({"enabled", "roles", "tools"})


@dataclass(frozen=True, slots=True)
class ToolServers:
    """All of a workspace, by their ids."""

    servers: Mapping[str, ToolServerSet] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holds:
    """What holds for a tool, all said."""

    enabled: bool
    effect: str
    outward: bool
    reads_outside: bool
    cost_microusd: int
    timeout_s: float
    allowed_in: tuple[str, ...] = ()


def evolve(state: ToolServers | None, event: DomainEvent) -> ToolServers | None:
    known = dict(state.servers) if state is not None else {}
    match event:
        case ToolServerSet(server_id=server_id):
            return ToolServers(known | {server_id: event})
        case ToolServerRemoved(server_id=server_id):
            known.pop(server_id, None)
            return ToolServers(known)
        case _:
            return state


def decide(
    state: ToolServers | None,
    command: SetToolServer | RemoveToolServer,
    server_id: str,
    *,
    owner: str = "",
    built_in: Collection[str] = (),
    roles: Collection[str] = (),
) -> tuple[DomainEvent, ...]:
    """`owner`: the package in whose name it is done; empty for a person. `built_in`: ids of servers that are a part of
    VAPORA. `roles`: those that there are; empty: not looked at. Raises `NotFoundError`, `BadInputError`,
    `ConflictError`."""
    known = (state or ToolServers()).servers
    before = known.get(server_id)
    if isinstance(command, RemoveToolServer):
        if before is None:
            raise _unknown(server_id)
        if before.owner != owner:
            raise ConflictError(
                f"The server '{server_id}' belongs to {_owner(before.owner)}.",
                remedy="Remove the package, and it goes with it." if before.owner else "Ask who set it.",
            )
        return (ToolServerRemoved(server_id=server_id),)
    _require_id(server_id)
    event = ToolServerSet.model_validate(
        {"server_id": server_id, "owner": owner if before is None else before.owner} | command.model_dump()
    )
    _check_kind(event, built_in)
    _check_roles(event, roles)
    if before is None and len(known) >= MOST_SERVERS:
        raise ConflictError(f"A workspace has {MOST_SERVERS} servers of tools at most.", remedy="Remove one.")
    if before is not None and before.owner != owner:
        if owner:
            raise ConflictError(
                f"There is a server '{server_id}' already, which belongs to {_owner(before.owner)}.",
                remedy="Remove it, or give one of the two another id.",
            )
        changed = sorted(
            name
            for name in ToolServerSet.model_fields
            if name not in _ANYBODYS and getattr(before, name) != getattr(event, name)
        )
        if changed:
            raise ConflictError(
                f"The server '{server_id}' belongs to {_owner(before.owner)}: {', '.join(changed)} cannot be changed.",
                remedy="Configure the package. Whether it is enabled, for which roles, and what holds for its tools "
                "can be set here.",
            )
    return () if event == before else (event,)


def _require_id(server_id: str) -> None:
    if len(server_id) > LONGEST_SERVER or not re.fullmatch(SERVER_PATTERN, server_id):
        raise BadInputError(
            f"'{server_id[:80]}' is no id of a server of tools.",
            remedy=f"Take small letters and digits, with single hyphens between them, {LONGEST_SERVER} at most.",
        )


def _check_kind(event: ToolServerSet, built_in: Collection[str]) -> None:
    is_built_in = isinstance(event.transport, BuiltInTransport)
    if is_built_in and event.server_id not in built_in:
        raise BadInputError(
            f"No server '{event.server_id}' is built in.",
            remedy=f"Built in are: {', '.join(sorted(built_in)) or 'none'}. For another, give a command or a URL.",
            field="transport",
        )
    if not is_built_in and event.server_id in built_in:
        raise BadInputError(
            f"'{event.server_id}' is the id of a server that is built in.",
            remedy='Give the new one another id, or set the transport to {"kind": "built-in"}.',
            field="transport",
        )


def _check_roles(event: ToolServerSet, roles: Collection[str]) -> None:
    unknown = [one for one in event.roles if one != "*" and one not in roles] if roles else []
    if unknown:
        raise BadInputError(
            f"There is no role '{unknown[0]}'.", remedy=f"The roles are: {', '.join(roles)}.", field="roles"
        )


def _owner(owner: str) -> str:
    return f"the package '{owner}'" if owner else "a person"


def _unknown(server_id: str) -> NotFoundError:
    return NotFoundError(f"There is no server of tools '{server_id}'.", remedy="List the servers.")


def require(state: ToolServers | None, server_id: str) -> ToolServerSet:
    found = (state or ToolServers()).servers.get(server_id)
    if found is None:
        raise _unknown(server_id)
    return found


def holds(server: ToolServerSet, tool: str, *, reads_texts: bool = False) -> Holds:
    """What holds for a tool of a server from outside. A process without a network sends nothing out, and what it says
    comes from this machine; all others may do both, unless a person says otherwise. What a server says of itself
    decides nothing. `reads_texts`: the tool reads the server's resources or its prompts, which changes nothing, and
    gives what anybody may have written, wherever the server runs."""
    rule = next((one for one in server.tools if one.name == tool), ToolRule(name=tool))
    connected = not isinstance(server.transport, StdioTransport) or server.transport.network
    return Holds(
        enabled=server.enabled and rule.enabled,
        effect=rule.effect or ("pure" if reads_texts else "outside"),
        outward=connected if rule.outward is None else rule.outward,
        reads_outside=(connected or reads_texts) if rule.reads_outside is None else rule.reads_outside,
        cost_microusd=rule.cost_microusd,
        timeout_s=rule.timeout_s or server.timeout_s,
        allowed_in=rule.allowed_in,
    )


def holds_built_in(server: ToolServerSet | None, tool: str, own: Holds) -> Holds:
    """What holds for a tool that is built in, which says itself what it does; a person may say otherwise."""
    if server is None:
        return own
    rule = next((one for one in server.tools if one.name == tool), ToolRule(name=tool))
    return Holds(
        enabled=server.enabled and rule.enabled,
        effect=rule.effect or own.effect,
        outward=own.outward if rule.outward is None else rule.outward,
        reads_outside=own.reads_outside if rule.reads_outside is None else rule.reads_outside,
        cost_microusd=rule.cost_microusd or own.cost_microusd,
        timeout_s=rule.timeout_s or own.timeout_s,
        allowed_in=rule.allowed_in,
    )


def gives_to(roles: Collection[str], server_id: str, role: str, named: Collection[str], tool: str) -> bool:
    """Whether agents of a role are offered a tool: the server is set for the role, or its manifest names the tool."""
    return "*" in roles or role in roles or joined(server_id, tool) in named


def servers_of(names: Collection[str]) -> set[str]:
    """The servers of the tools that are named."""
    return {server for server, _ in map(parted, names) if server}
