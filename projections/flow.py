"""How work flows through each project: cards by state from day to day, how long they took, and who did them.

Days are those of UTC. A card that was done stays among the done ones when it is archived, so that what was achieved
does not seem to shrink; any other archived card is no longer counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, ClassVar

from events import DomainEvent, Recorded, run, task
from events.ids import TaskState
from projections.engine.base import Between, Handler, Projection, Reader, Row, Rows, Table, day, format_instant
from vapora import views

STATES = (TaskState.TODO, TaskState.IN_PROGRESS, TaskState.REVIEW, TaskState.DONE, TaskState.FAILED)

CARDS = Table(
    "flow_cards",
    key=("task_id",),
    columns={
        "task_id": "text",
        "project_id": "text",
        "state": "text",
        "submitted_at": "text",
        "started_at": "text",
        "done_day": "text",
        "lead_s": "int",
        "cycle_s": "int",
    },
    indexes=(("project_id", "done_day"), ("done_day",)),
)
# A row for each day on which something changed: `cards` by state as the day ended, and how many entered them.
DAYS = Table(
    "flow_days",
    key=("project_id", "day"),
    columns={"project_id": "text", "day": "text", "cards": "json", "submitted": "int", "done": "int", "failed": "int"},
)
NOW = Table("flow_now", key=("project_id",), columns={"project_id": "text", "cards": "json"})
TEAM = Table(
    "flow_team",
    key=("project_id", "agent_id", "simulated"),
    columns={
        "project_id": "text",
        "agent_id": "text",
        "simulated": "int",
        "runs": "int",
        "succeeded": "int",
        "failed": "int",
        "cancelled": "int",
        "busy_s": "int",
    },
)
# Runs that have not ended.
RUNNING = Table(
    "flow_running",
    key=("run_id",),
    columns={"run_id": "text", "project_id": "text", "agent_id": "text", "simulated": "int", "started_at": "text"},
)


def _submitted(recorded: Recorded, event: task.TaskSubmitted, rows: Rows) -> None:
    row = {
        "task_id": event.task_id,
        "project_id": event.project_id,
        "state": TaskState.TODO.value,
        "submitted_at": format_instant(recorded.recorded_at),
        "started_at": None,
        "done_day": None,
        "lead_s": None,
        "cycle_s": None,
    }
    rows.add(CARDS, row)
    _count(recorded, rows, event.project_id, None, TaskState.TODO.value, "submitted")


def _moves_to(state: TaskState) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        row = rows.get(CARDS, (event.task_id,))
        if row is None or row["state"] == state.value:
            return
        changed = {**row, "state": state.value}
        at = format_instant(recorded.recorded_at)
        if state is TaskState.IN_PROGRESS and row["started_at"] is None:
            changed["started_at"] = at
        if state is TaskState.DONE:
            changed |= {
                "done_day": day(recorded.recorded_at),
                "lead_s": _seconds(row["submitted_at"], at),
                # Work that a person did without an agent has no beginning.
                "cycle_s": None if row["started_at"] is None else _seconds(row["started_at"], at),
            }
        rows.put(CARDS, changed)
        entered = {TaskState.DONE: "done", TaskState.FAILED: "failed"}.get(state)
        _count(recorded, rows, row["project_id"], row["state"], state.value, entered)

    return handler


def _archived(recorded: Recorded, event: task.TaskArchived, rows: Rows) -> None:
    row = rows.get(CARDS, (event.task_id,))
    if row is not None and row["state"] not in (TaskState.DONE.value, TaskState.ARCHIVED.value):
        rows.put(CARDS, {**row, "state": TaskState.ARCHIVED.value})
        _count(recorded, rows, row["project_id"], row["state"], None, None)


def _count(
    recorded: Recorded, rows: Rows, project_id: str, left: str | None, reached: str | None, entered: str | None
) -> None:
    """A card has left one state for another; `entered`: the sum of the day that grows by it."""
    now = rows.get(NOW, (project_id,))
    cards = dict(now["cards"]) if now else {}
    for state, more in ((left, -1), (reached, 1)):
        if state is not None:
            cards[state] = cards.get(state, 0) + more
    rows.put(NOW, {"project_id": project_id, "cards": cards})
    key = project_id, day(recorded.recorded_at)
    row = rows.get(DAYS, key) or {"project_id": key[0], "day": key[1], "submitted": 0, "done": 0, "failed": 0}
    more_of = {} if entered is None else {entered: row[entered] + 1}
    rows.put(DAYS, {**row, "cards": dict(cards), **more_of})


def _run_started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    of = {"project_id": event.project_id, "agent_id": event.agent_id, "simulated": int(event.simulated)}
    rows.put(RUNNING, {"run_id": event.run_id, **of, "started_at": format_instant(recorded.recorded_at)})
    _add(rows, of, runs=1)


def _run_ends_as(name: str) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        running = rows.get(RUNNING, (event.run_id,))
        if running is None:
            return
        rows.delete(RUNNING, (event.run_id,))
        busy_s = _seconds(running["started_at"], format_instant(recorded.recorded_at))
        _add(rows, {field: running[field] for field in TEAM.key}, **{name: 1, "busy_s": busy_s})

    return handler


def _add(rows: Rows, of: Mapping[str, Any], **more: int) -> None:
    empty = {"runs": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "busy_s": 0}
    row = rows.get(TEAM, tuple(of[field] for field in TEAM.key)) or {**of, **empty}
    rows.put(TEAM, {**row, **{field: row[field] + value for field, value in more.items()}})


def _seconds(begin: str, end: str) -> int:
    # A clock that was corrected may have gone back.
    return max(0, round((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()))


class Flow(Projection):
    NAME = "flow"
    VERSION = 3
    TABLES = (CARDS, DAYS, NOW, TEAM, RUNNING)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.TaskSubmitted: _submitted,
        task.TaskAssigned: _moves_to(TaskState.IN_PROGRESS),
        task.TaskSentToReview: _moves_to(TaskState.REVIEW),
        task.TaskCompleted: _moves_to(TaskState.DONE),
        task.TaskApproved: _moves_to(TaskState.DONE),
        task.TaskFailed: _moves_to(TaskState.FAILED),
        task.TaskReleased: _moves_to(TaskState.TODO),
        task.TaskRejected: _moves_to(TaskState.TODO),
        task.TaskReopened: _moves_to(TaskState.TODO),
        task.TaskRecalled: _moves_to(TaskState.TODO),
        task.AttemptRequested: _moves_to(TaskState.TODO),
        task.AttemptPicked: _moves_to(TaskState.REVIEW),
        task.TaskArchived: _archived,
        run.RunStarted: _run_started,
        run.RunSucceeded: _run_ends_as("succeeded"),
        run.RunFailed: _run_ends_as("failed"),
        run.RunCancelled: _run_ends_as("cancelled"),
    }


def dashboard(rows: Reader, project_id: str | None, position: int, today: date, days: int) -> views.Dashboard:
    """The last `days` days up to `today`, each of them, whether something changed on it or not; of a project, or of all
    of them together."""
    first = today - timedelta(days=days - 1)
    of = {} if project_id is None else {"project_id": project_id}
    within = Between(first.isoformat(), today.isoformat())
    done = rows.select(CARDS, {**of, "done_day": within}, order=("done_day",))
    by_day = {name: list(cards) for name, cards in groupby(done, key=lambda row: str(row["done_day"]))}
    now = rows.select(NOW, of)
    projects = [_days(rows, row["project_id"], first, today) for row in now]
    team = rows.group(TEAM, ("agent_id", "simulated"), ("runs", "succeeded", "failed", "cancelled", "busy_s"), of)
    return views.Dashboard(
        project_id=project_id,
        position=position,
        cards=_all_states([row["cards"] for row in now]),
        days=tuple(_flow(first, today, projects, by_day)),
        lead=_spread([row["lead_s"] for row in done]),
        cycle=_spread([row["cycle_s"] for row in done if row["cycle_s"] is not None]),
        team=tuple(map(_agent, team)),
    )


def _days(rows: Reader, project_id: str, first: date, today: date) -> list[Row]:
    """Of a project, a row for each day: cards as it ended, and how many entered what."""
    of_project = {"project_id": project_id}
    eve = (first - timedelta(days=1)).isoformat()
    earlier = rows.select(DAYS, {**of_project, "day": Between(None, eve)}, order=("-day",), limit=1)
    cards = earlier[0]["cards"] if earlier else {}
    within = Between(first.isoformat(), today.isoformat())
    changed = {row["day"]: row for row in rows.select(DAYS, {**of_project, "day": within})}
    found: list[Row] = []
    for number in range((today - first).days + 1):
        name = (first + timedelta(days=number)).isoformat()
        row = changed.get(name, {"cards": cards, "submitted": 0, "done": 0, "failed": 0})
        cards = row["cards"]
        found.append(row)
    return found


def _flow(
    first: date, today: date, projects: Sequence[Sequence[Row]], done: Mapping[str, Sequence[Row]]
) -> Iterator[views.FlowDay]:
    for number in range((today - first).days + 1):
        name = (first + timedelta(days=number)).isoformat()
        of_day = [days[number] for days in projects]
        ended = done.get(name, ())
        cycles = [one["cycle_s"] for one in ended if one["cycle_s"] is not None]
        yield views.FlowDay(
            day=name,
            cards=_all_states([row["cards"] for row in of_day]),
            **{sum_of: sum(row[sum_of] for row in of_day) for sum_of in ("submitted", "done", "failed")},
            lead_s=_quantile([one["lead_s"] for one in ended], 0.5) if ended else None,
            cycle_s=_quantile(cycles, 0.5) if cycles else None,
        )


def _all_states(projects: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {state.value: sum(cards.get(state.value, 0) for cards in projects) for state in STATES}


def _spread(seconds: Sequence[int]) -> views.Spread | None:
    if not seconds:
        return None
    return views.Spread(cards=len(seconds), median_s=_quantile(seconds, 0.5), p85_s=_quantile(seconds, 0.85))


def _quantile(values: Sequence[int], share: float) -> int:
    """The smallest value that is not exceeded by this share of them."""
    ranked = sorted(values)
    return ranked[max(0, -int(-share * len(ranked) // 1) - 1)]


def _agent(row: Row) -> views.AgentWork:
    return views.AgentWork.model_validate({**row, "simulated": bool(row["simulated"])})
