"""What is known of those who ask, and of what they ask about, in the form that Cedar takes."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from typing import Any

import cedarpy

from events.ids import MemberRole
from vapora.access.schema import schema
from vapora.domain.access import Principal, Resource

# From the most to the least: each is in the one behind it.
_ROLES = (MemberRole.OWNER, MemberRole.ADMIN, MemberRole.MEMBER, MemberRole.VIEWER)
_KEPT = 2_000

Uid = dict[str, str]
Entity = dict[str, Any]


def uid_of(principal: Principal) -> Uid:
    return {"type": principal.kind, "id": principal.id}


@cache
def _actions() -> cedarpy.Entities:
    """The actions with their groups: the schema brings them."""
    return cedarpy.Entities.from_json_str("[]", schema())


# What is asked is asked again with each request of a page, and to put it together costs more than to decide.
@lru_cache(_KEPT)
def entities(principal: Principal, resource: Resource) -> cedarpy.Entities:
    known = {_key(one): one for one in _place(resource)}
    asks = _principal(principal, resource.workspace)
    if (managed := known.get(_key(asks))) is not None:
        # An agent that is asked about, and asks.
        managed["parents"] += asks["parents"]
    else:
        known[_key(asks)] = asks
    return _actions().with_added_json_str(json.dumps(list(known.values())))


def _place(resource: Resource) -> list[Entity]:
    """The resource, what it is in, and the roles that there are in the workspace."""
    workspace = resource.workspace
    if not workspace:
        return [_entity(_uid(resource.kind, resource.id))]
    roles = _roles(workspace)
    found = [
        _entity(_membership(workspace, role), parents=[] if less is None else [_membership(workspace, less)])
        for role, less in zip(_ROLES, (*_ROLES[1:], None), strict=True)
    ]
    inside = [_uid("Workspace", workspace)]
    found.append(_entity(inside[0], roles))
    if resource.project:
        project = _uid("Project", resource.project)
        found.append(_entity(project, roles, inside))
        inside = [project, *inside]
    if resource.workflow and resource.kind in ("WorkflowRun", "Stage"):
        workflow = _uid("Workflow", resource.workflow)
        found.append(_entity(workflow, roles, inside))
        inside = [workflow, *inside]
    if resource.kind == "Stage":
        run = _uid("WorkflowRun", resource.id.removesuffix(f".{resource.stage}"))
        found.append(_entity(run, roles, inside))
        found.append(_entity(_uid("Stage", resource.id), {**roles, "name": resource.stage}, [run, *inside]))
    elif resource.kind == "Task":
        found.append(_entity(_uid("Task", resource.id), {**roles, "state": resource.state}, inside))
    elif resource.kind != "Workspace" and (resource.kind, resource.id) != ("Project", resource.project):
        found.append(_entity(_uid(resource.kind, resource.id), roles, inside))
    return found


def _principal(principal: Principal, workspace: str) -> Entity:
    parents = [_uid("Team", team) for team in principal.teams]
    attributes: dict[str, Any] = {}
    if principal.kind in ("User", "Token") and principal.role is not None and workspace:
        parents.append(_membership(workspace, principal.role))
    if principal.kind == "User":
        attributes["administrator"] = principal.administrator
    if principal.kind == "Agent":
        parents += [_uid("AgentRole", principal.agent_role), _uid("Workspace", workspace)]
        attributes = _roles(workspace)
    return _entity(uid_of(principal), attributes, parents)


def _roles(workspace: str) -> dict[str, Any]:
    return {f"{role.value}s": {"__entity": _membership(workspace, role)} for role in _ROLES}


def _key(entity: Entity) -> tuple[str, str]:
    return entity["uid"]["type"], entity["uid"]["id"]


def _membership(workspace: str, role: MemberRole) -> Uid:
    return _uid("Membership", f"{workspace}/{role.value}")


def _uid(kind: str, name: str) -> Uid:
    return {"type": kind, "id": name}


def _entity(uid: Uid, attributes: dict[str, Any] | None = None, parents: list[Uid] | None = None) -> Entity:
    return {"uid": uid, "attrs": attributes or {}, "parents": list(parents or ())}
