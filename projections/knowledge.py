"""What the swarm knows of its work: executions, what became of them, files, causes, and what they come to day by day.

Edges are not stored: each is a pair of columns of a row that stands there anyway (`vapora.knowledge.links`).
What other read models have, such as the money of a run, is not kept twice. Old rows are forgotten by the log's time:
when a run begins on another day than the one before, so that a rebuild gives the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from events import DomainEvent, Recorded, knowledge, run, task, workspace
from projections.engine.base import (
    Between,
    Handler,
    Projection,
    Row,
    Rows,
    Table,
    day,
    format_instant,
)

EXECUTIONS = Table(
    "knowledge_executions",
    key=("run_id",),
    columns={
        "run_id": "text",
        "task_id": "text",
        "project_id": "text",
        "agent_id": "text",
        "role": "text",
        "task_type": "text",
        "purpose": "text",
        "simulated": "int",
        "state": "text",
        "verdict": "text",
        "reviewed": "int",
        "landed": "int",
        "counts": "int",
        "checks": "text",
        "check_rounds": "int",
        "started_at": "text",
        "ended_at": "text",
        "day": "text",
        "duration_ms": "int",
        "said": "text",
        "given": "json",
        "withheld": "int",
    },
    indexes=(("task_id",), ("agent_id", "started_at"), ("task_type", "started_at"), ("day",)),
)
TASKS = Table(
    "knowledge_tasks",
    key=("task_id",),
    columns={
        "task_id": "text",
        "project_id": "text",
        "title": "text",
        "task_type": "text",
        "asked_by": "text",
        "decided_by": "text",
        "sent_back": "int",
        "blocked_by": "json",
        "problems": "json",  # ids of the folded relations
        "at": "text",
        "day": "text",
    },
    indexes=(("asked_by", "at"), ("decided_by", "at"), ("project_id", "at"), ("day",)),
)
FILES = Table(
    "knowledge_files",
    key=("task_id", "path"),
    columns={"task_id": "text", "path": "text", "run_id": "text", "at": "text", "day": "text"},
    indexes=(("path", "at"), ("day",)),
)
RELATIONS = Table(
    "knowledge_relations",
    key=("id",),
    columns={
        "id": "text",
        "origin": "text",  # person, failure, review, conflict
        "recorded_by": "text",
        "problem": "text",
        "cause": "text",
        "solution": "text",
        "project_id": "text",
        "task_id": "text",
        "run_id": "text",
        "solved_by": "text",
        "task_type": "text",
        "simulated": "int",
        "removed": "int",
        "at": "text",
        "day": "text",
    },
    indexes=(("task_id",), ("solved_by",), ("at",), ("day",)),
)
DAYS = Table(
    "knowledge_days",
    key=("agent_id", "task_type", "simulated", "day"),
    columns={
        "agent_id": "text",
        "task_type": "text",
        "simulated": "int",
        "day": "text",
        "runs": "int",
        "successes": "int",
        "accepted": "int",
        "rejected": "int",
        "duration_ms": "int",
    },
    indexes=(("day",),),
)
# One row: how far is forgotten, and what is kept for how long.
KEPT = Table(
    "knowledge_kept",
    key=("id",),
    columns={"id": "text", "day": "text", "details_days": "int", "daily_days": "int"},
)
_DEFAULTS = workspace.KnowledgeSettings()
_NOTHING_KEPT = {
    "id": "workspace",
    "day": "",
    "details_days": _DEFAULTS.details_days,
    "daily_days": _DEFAULTS.daily_days,
}
# Of a text that somebody or something said: enough to know it again; the whole stands where it was said.
_LONGEST = 1_000
_WRITERS = ("file_write", "file_edit")


def _submitted(recorded: Recorded, event: task.TaskSubmitted, rows: Rows) -> None:
    row = {
        "task_id": event.task_id,
        "project_id": event.project_id,
        "title": event.title,
        "task_type": event.task_type,
        "asked_by": recorded.actor,
        "decided_by": None,
        "sent_back": 0,
        "blocked_by": list(event.blocked_by),
        "problems": [],
        "at": format_instant(recorded.recorded_at),
        "day": day(recorded.recorded_at),
    }
    rows.put(TASKS, row)


def _edited(recorded: Recorded, event: task.TaskEdited, rows: Rows) -> None:
    row = rows.get(TASKS, (event.task_id,))
    if row is None:
        return
    if event.title is not None:
        row["title"] = event.title
    if event.blocked_by is not None or "blocked_by" in event.cleared:
        row["blocked_by"] = list(event.blocked_by or ())
    rows.put(TASKS, row)


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    today = day(recorded.recorded_at)
    _forget(today, rows)
    row = {
        "run_id": event.run_id,
        "task_id": event.task_id,
        "project_id": event.project_id,
        "agent_id": event.agent_id,
        "role": event.role,
        "task_type": event.task_type,
        "purpose": event.purpose,
        "simulated": int(event.simulated),
        "state": "running",
        "verdict": "",
        "reviewed": 0,
        "landed": 0,
        "counts": 1,
        "checks": None,
        "check_rounds": 0,
        "started_at": format_instant(recorded.recorded_at),
        "ended_at": None,
        "day": today,
        "duration_ms": None,
        "said": "",
        "given": [],
        "withheld": 0,
    }
    rows.put(EXECUTIONS, row)


def _given(recorded: Recorded, event: knowledge.ExecutionsGiven, rows: Rows) -> None:
    row = rows.get(EXECUTIONS, (event.run_id,))
    if row is not None:
        given = [one.model_dump(mode="json") for one in event.given]
        rows.put(EXECUTIONS, row | {"given": given, "withheld": int(event.withheld)})


def _taken_over(recorded: Recorded, event: run.RunTakenOver, rows: Rows) -> None:
    row = rows.get(EXECUTIONS, (event.run_id,))
    if row is not None:
        rows.put(EXECUTIONS, row | {"agent_id": event.agent_id})


def _checked(recorded: Recorded, event: run.ChecksRan, rows: Rows) -> None:
    row = rows.get(EXECUTIONS, (event.run_id,))
    if row is not None:
        rows.put(EXECUTIONS, row | {"checks": event.verdict.value, "check_rounds": event.round})


def _used(recorded: Recorded, event: run.ToolUsed, rows: Rows) -> None:
    """A file that a tool wrote. What a command changed is not known here."""
    if not event.ok or event.name not in _WRITERS:
        return
    path = event.data.get("path") or _path_of(event.arguments.text)
    if isinstance(path, str) and rows.get(FILES, (event.task_id, path)) is None:
        at, today = format_instant(recorded.recorded_at), day(recorded.recorded_at)
        rows.add(FILES, {"task_id": event.task_id, "path": path, "run_id": event.run_id, "at": at, "day": today})


def _path_of(arguments: str | None) -> object:
    """Of a call from before tools said which file they wrote."""
    try:
        found = json.loads(arguments or "{}")
    except ValueError:
        return None
    return found.get("path") if isinstance(found, dict) else None


def _succeeded(recorded: Recorded, event: run.RunSucceeded, rows: Rows) -> None:
    row = _ended(recorded, event, rows, "succeeded", event.summary, counts=True)
    if row is None or row["purpose"] == "review":
        return
    _solve(event.task_id, event.run_id, event.summary, rows)


def _failed(recorded: Recorded, event: run.RunFailed, rows: Rows) -> None:
    row = _ended(recorded, event, rows, "failed", event.reason, counts=event.counts)
    if row is None or row["purpose"] == "review":
        return
    _problem(recorded, row, "failure", "Its run failed", event.reason, rows)


def _cancelled(recorded: Recorded, event: run.RunCancelled, rows: Rows) -> None:
    _ended(recorded, event, rows, "cancelled", event.reason, counts=False)


def _ended(recorded: Recorded, event: Any, rows: Rows, state: str, said: str, *, counts: bool) -> Row | None:
    row = rows.get(EXECUTIONS, (event.run_id,))
    if row is None:
        return None
    at, today = format_instant(recorded.recorded_at), day(recorded.recorded_at)
    took = max(0, round((recorded.recorded_at - datetime.fromisoformat(row["started_at"])).total_seconds() * 1_000))
    end = {"state": state, "ended_at": at, "day": today, "duration_ms": took, "said": said[:_LONGEST]}
    row |= {**end, "counts": int(counts), "agent_id": event.agent_id}
    rows.put(EXECUTIONS, dict(row))
    if counts:
        _add(rows, row, runs=1, successes=int(state == "succeeded"), duration_ms=took)
    return row


def _completed(recorded: Recorded, event: task.TaskCompleted, rows: Rows) -> None:
    _judged(event.run_id, rows, "accepted", reviewed=False)


def _approved(recorded: Recorded, event: task.TaskApproved, rows: Rows) -> None:
    if event.run_id is not None:
        _judged(event.run_id, rows, "accepted", reviewed=True)
    row = rows.get(TASKS, (event.task_id,))
    if row is not None:
        rows.put(TASKS, row | {"decided_by": _person(recorded, event), "day": day(recorded.recorded_at)})


def _rejected(recorded: Recorded, event: task.TaskRejected, rows: Rows) -> None:
    """The work is sent back: what it was thought to have solved is open again, and there is one problem more."""
    execution = None if event.run_id is None else rows.get(EXECUTIONS, (event.run_id,))
    if execution is not None:
        _judged(execution["run_id"], rows, "rejected", reviewed=True)
    row = rows.get(TASKS, (event.task_id,))
    if row is None:
        return
    for relation_id in row["problems"]:
        relation = rows.get(RELATIONS, (relation_id,))
        if relation is not None and event.run_id is not None and relation["solved_by"] == event.run_id:
            rows.put(RELATIONS, relation | {"solution": "", "solved_by": None})
    changes = {
        "decided_by": _person(recorded, event),
        "sent_back": row["sent_back"] + 1,
        "day": day(recorded.recorded_at),
    }
    rows.put(TASKS, row | changes)
    if execution is not None:
        lines = (f"{one.path}{f':{one.line}' if one.line else ''}: {one.text}" for one in event.comments)
        cause = "\n".join(filter(None, (event.comment, *lines)))
        what = "Its work met a conflict" if event.cause == "conflict" else "Its work was sent back"
        _problem(recorded, execution, event.cause, what, cause, rows)


def _person(recorded: Recorded, event: task.TaskApproved | task.TaskRejected) -> str | None:
    return None if event.by_agent is not None else recorded.actor


def _landed(recorded: Recorded, event: task.TaskLanded, rows: Rows) -> None:
    row = None if event.run_id is None else rows.get(EXECUTIONS, (event.run_id,))
    if row is not None:
        rows.put(EXECUTIONS, row | {"landed": 1})


def _judged(run_id: str, rows: Rows, verdict: str, *, reviewed: bool) -> None:
    row = rows.get(EXECUTIONS, (run_id,))
    if row is None or row["state"] != "succeeded" or row["verdict"] == "rejected":
        return
    before = row["verdict"]
    rows.put(EXECUTIONS, row | {"verdict": verdict, "reviewed": int(reviewed)})
    if before == verdict:
        return
    more = {"accepted": int(verdict == "accepted"), "rejected": int(verdict == "rejected")}
    if before:
        more[before] = -1
    # Work that was sent back counts as a failure of the run that made it, on that run's own day, and stays one (R17).
    _add(rows, row, successes=-int(verdict == "rejected"), **more)


def _problem(recorded: Recorded, of: Row, origin: str, what: str, cause: str, rows: Rows) -> None:
    card = rows.get(TASKS, (of["task_id"],))
    relation_id = f"{of['run_id']}.{origin}.{recorded.position}"
    row = {
        "id": relation_id,
        "origin": origin,
        "recorded_by": recorded.actor,
        "problem": f"{what}: {card['title'] if card else of['task_id']}"[:_LONGEST],
        "cause": cause[:_LONGEST],
        "solution": "",
        "project_id": of["project_id"],
        "task_id": of["task_id"],
        "run_id": of["run_id"],
        "solved_by": None,
        "task_type": of["task_type"],
        "simulated": of["simulated"],
        "removed": 0,
        "at": format_instant(recorded.recorded_at),
        "day": day(recorded.recorded_at),
    }
    rows.put(RELATIONS, row)
    if card is not None:
        rows.put(TASKS, card | {"problems": [*card["problems"], relation_id]})


def _solve(task_id: str, run_id: str, summary: str, rows: Rows) -> None:
    """The run that was good after a problem solved it, until somebody sends its work back."""
    card = rows.get(TASKS, (task_id,))
    for relation_id in card["problems"] if card else ():
        row = rows.get(RELATIONS, (relation_id,))
        if row is not None and row["solved_by"] is None and row["origin"] != "person":
            rows.put(RELATIONS, row | {"solution": summary[:_LONGEST], "solved_by": run_id})


def _recorded_relation(recorded: Recorded, event: knowledge.RelationRecorded, rows: Rows) -> None:
    of = rows.get(EXECUTIONS, (event.run_id,)) if event.run_id else None
    card = rows.get(TASKS, (event.task_id or (of["task_id"] if of else ""),))
    row = {
        "id": event.relation_id,
        "origin": "person",
        "recorded_by": recorded.actor,
        **event.model_dump(mode="json", exclude={"relation_id"}),
        "task_id": event.task_id or (card["task_id"] if card else None),
        "project_id": event.project_id or (card["project_id"] if card else None),
        "task_type": card["task_type"] if card else None,
        # What a person says is real, also of a rehearsal.
        "simulated": 0,
        "removed": 0,
        "at": format_instant(recorded.recorded_at),
        # Kept until somebody removes it.
        "day": None,
    }
    rows.put(RELATIONS, row)


def _removed_relation(recorded: Recorded, event: knowledge.RelationRemoved, rows: Rows) -> None:
    row = rows.get(RELATIONS, (event.relation_id,))
    if row is not None:
        rows.put(RELATIONS, row | {"removed": 1})


def _settings(recorded: Recorded, event: workspace.SettingsChanged, rows: Rows) -> None:
    kept = rows.get(KEPT, ("workspace",)) or dict(_NOTHING_KEPT)
    said = {"details_days": event.knowledge.details_days, "daily_days": event.knowledge.daily_days}
    # With the next run that begins it is looked at anew.
    rows.put(KEPT, kept | said | {"day": ""} if any(kept[name] != said[name] for name in said) else kept)


def _add(rows: Rows, of: Row, **more: int) -> None:
    key = {name: of[name] for name in ("agent_id", "task_type", "simulated", "day")}
    row = rows.get(DAYS, tuple(key.values()))
    if row is None:
        row = {**key, **dict.fromkeys(("runs", "successes", "accepted", "rejected", "duration_ms"), 0)}
    rows.put(DAYS, row | {name: row[name] + value for name, value in more.items()})


def _forget(today: str, rows: Rows) -> None:
    kept = rows.get(KEPT, ("workspace",)) or dict(_NOTHING_KEPT)
    if today <= kept["day"]:
        return
    rows.put(KEPT, kept | {"day": today})
    details = _days_before(today, kept["details_days"])
    daily = _days_before(today, kept["daily_days"])
    for table, until in ((EXECUTIONS, details), (FILES, details), (TASKS, details), (RELATIONS, daily), (DAYS, daily)):
        for row in rows.select(table, {"day": Between(high=until)}):
            # What is still under way, or was looked at since, is not old.
            if table is EXECUTIONS and row["state"] == "running":
                continue
            if table is TASKS and rows.select(EXECUTIONS, {"task_id": row["task_id"]}, limit=1):
                continue
            rows.delete(table, table.key_of(row))


def _days_before(today: str, days: int) -> str:
    """The last day that is too old."""
    return (date.fromisoformat(today) - timedelta(days=days + 1)).isoformat()


class Knowledge(Projection):
    NAME = "knowledge"
    VERSION = 1
    TABLES = (EXECUTIONS, TASKS, FILES, RELATIONS, DAYS, KEPT)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.TaskSubmitted: _submitted,
        task.TaskEdited: _edited,
        task.TaskCompleted: _completed,
        task.TaskApproved: _approved,
        task.TaskRejected: _rejected,
        task.TaskLanded: _landed,
        run.RunStarted: _started,
        run.RunTakenOver: _taken_over,
        run.ChecksRan: _checked,
        run.ToolUsed: _used,
        run.RunSucceeded: _succeeded,
        run.RunFailed: _failed,
        run.RunCancelled: _cancelled,
        knowledge.ExecutionsGiven: _given,
        knowledge.RelationRecorded: _recorded_relation,
        knowledge.RelationRemoved: _removed_relation,
        workspace.SettingsChanged: _settings,
    }
