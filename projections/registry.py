"""The agents of a workspace, and how busy each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, agent, run, task
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table
from vapora import views
from vapora.domain.agent import shown_state

AGENTS = Table(
    "registry_agents",
    key=("id",),
    columns={
        "id": "text",
        "role": "text",
        "name": "text",
        "capabilities": "json",
        "task_types": "json",
        "capacity": "int",
        "enabled": "int",
        # A removed agent keeps its row, so that sockets hear of it; nobody is shown it otherwise.
        "removed": "int",
        "running": "json",
        # Why it gets no work, in words.
        "offline": "text",
        "disabled_reason": "text",
        # What somebody chose for it, which neither its role's manifest nor its package changes.
        "own": "json",
        # The package that it is of, and its version; empty: none.
        "package": "text",
        "version": "text",
    },
)


def _registered(recorded: Recorded, event: agent.AgentRegistered, rows: Rows) -> None:
    before = rows.get(AGENTS, (event.agent_id,))
    row = {
        **event.model_dump(mode="json", exclude={"agent_id"}),
        "id": event.agent_id,
        "enabled": 1,
        "removed": 0,
        # What it had when it was removed, it still has.
        "running": before["running"] if before else [],
        "offline": "",
        "disabled_reason": "",
        "package": "",
        "version": "",
    }
    rows.put(AGENTS, row)


def _edited(recorded: Recorded, event: agent.AgentEdited, rows: Rows) -> None:
    said = event.model_dump(mode="json", exclude={"agent_id"}, exclude_none=True)
    row = rows.get(AGENTS, (event.agent_id,))
    own = [] if row is None else [*row["own"], *(field for field in said if field not in row["own"])]
    _change(rows, event.agent_id, own=own, **said)


def _followed(recorded: Recorded, event: agent.AgentRoleFollowed, rows: Rows) -> None:
    _change(rows, event.agent_id, **event.model_dump(mode="json", exclude={"agent_id"}, exclude_none=True))


def _equipped(recorded: Recorded, event: agent.AgentEquipped, rows: Rows) -> None:
    row = rows.get(AGENTS, (event.agent_id,))
    free = {"name", "capabilities", "task_types", "capacity"} - set(row["own"] if row else ())
    said = event.model_dump(mode="json", include=free)
    equipment = event.equipment
    _change(rows, event.agent_id, package=equipment.package, version=equipment.version, **said)


def _disabled(recorded: Recorded, event: agent.AgentDisabled, rows: Rows) -> None:
    _change(rows, event.agent_id, enabled=0, disabled_reason=event.reason)


def _enabled(recorded: Recorded, event: agent.AgentEnabled, rows: Rows) -> None:
    _change(rows, event.agent_id, enabled=1, disabled_reason="")


def _drain_started(recorded: Recorded, event: agent.AgentDrainStarted, rows: Rows) -> None:
    _change(rows, event.agent_id, enabled=0, disabled_reason=event.reason or "drained")


def _suspended(recorded: Recorded, event: agent.AgentSuspended, rows: Rows) -> None:
    _change(rows, event.agent_id, offline=event.reason)


def _readmitted(recorded: Recorded, event: agent.AgentReadmitted, rows: Rows) -> None:
    _change(rows, event.agent_id, offline="")


def _removed(recorded: Recorded, event: agent.AgentRemoved, rows: Rows) -> None:
    _change(rows, event.agent_id, removed=1)


def _assigned(recorded: Recorded, event: task.TaskAssigned | task.ReviewAssigned, rows: Rows) -> None:
    row = rows.get(AGENTS, (event.agent_id,))
    if row is not None and event.run_id not in row["running"]:
        _change(rows, event.agent_id, running=[*row["running"], event.run_id])


def _handed_over(recorded: Recorded, event: task.TaskHandedOver, rows: Rows) -> None:
    _without(rows, event.from_agent, event.run_id)
    row = rows.get(AGENTS, (event.agent_id,))
    if row is not None and event.run_id not in row["running"]:
        _change(rows, event.agent_id, running=[*row["running"], event.run_id])


def _ended(recorded: Recorded, event: run.RunSucceeded | run.RunFailed | run.RunCancelled, rows: Rows) -> None:
    """Also a recalled run keeps its agent busy until it has ended. One that was handed over may be ended by who had it
    before, at the last moment."""
    if not _without(rows, event.agent_id, event.run_id):
        for row in rows.select(AGENTS):
            if event.run_id in row["running"]:
                _without(rows, row["id"], event.run_id)


def _without(rows: Rows, agent_id: str, run_id: str) -> bool:
    row = rows.get(AGENTS, (agent_id,))
    if row is None or run_id not in row["running"]:
        return False
    _change(rows, agent_id, running=[one for one in row["running"] if one != run_id])
    return True


def _change(rows: Rows, agent_id: str, **changes: Any) -> None:
    row = rows.get(AGENTS, (agent_id,))
    if row is not None:
        rows.put(AGENTS, {**row, **changes})


def _view(row: Row) -> views.Agent:
    running = len(row["running"])
    state, reason = shown_state(row["offline"], bool(row["enabled"]), row["disabled_reason"], running)
    fields = {name: row[name] for name in ("id", "role", "name", "capacity", "capabilities", "task_types", "position")}
    fields |= {"package": row["package"], "version": row["version"]}
    load = running / row["capacity"]
    return views.Agent.model_validate({**fields, "running": running, "load": load, "state": state, "reason": reason})


def _live(row: Row) -> dict[str, Any]:
    if row["removed"]:
        return {"id": row["id"], "removed": True, "position": row["position"]}
    return _view(row).model_dump(mode="json")


class Registry(Projection):
    NAME = "registry"
    VERSION = 4
    TABLES = (AGENTS,)
    VIEWS = (PublicView("agent", AGENTS, _live, lambda row: bool(row["removed"])),)
    KEEPS_HISTORY = True
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        agent.AgentRegistered: _registered,
        agent.AgentEdited: _edited,
        agent.AgentRoleFollowed: _followed,
        agent.AgentEquipped: _equipped,
        agent.AgentDisabled: _disabled,
        agent.AgentEnabled: _enabled,
        agent.AgentRemoved: _removed,
        agent.AgentDrainStarted: _drain_started,
        agent.AgentSuspended: _suspended,
        agent.AgentReadmitted: _readmitted,
        task.TaskHandedOver: _handed_over,
        task.TaskAssigned: _assigned,
        task.ReviewAssigned: _assigned,
        run.RunSucceeded: _ended,
        run.RunFailed: _ended,
        run.RunCancelled: _ended,
    }


def agent_of(rows: Reader, agent_id: str) -> views.Agent | None:
    row = rows.get(AGENTS, (agent_id,))
    return None if row is None or row["removed"] else _view(row)


def agents(rows: Reader) -> tuple[views.Agent, ...]:
    return tuple(map(_view, rows.select(AGENTS, {"removed": 0})))
