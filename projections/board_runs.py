"""What runs change on the cards of their tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events import Recorded, agent, budget, run, task
from events.ids import TaskState, WaitReason
from projections import step_lines
from projections.board_rows import find, save
from projections.board_waiting import waiting
from projections.engine.base import Handler, Row, Rows, format_instant


def waits(recorded: Recorded, event: task.TaskWaiting | run.RunWaiting, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    said = waiting(event.reason, format_instant(recorded.recorded_at), event.remedy)
    if isinstance(event, run.RunWaiting):
        if event.call is not None:
            said["call"] = _asked(event.run_id, event.call)
        row = _with_run(row, event.run_id, lambda one: {**one, "state": "waiting"})
    row["said"] = said
    save(recorded, rows, row)


def _asked(run_id: str, call: run.AskedCall) -> Row:
    of = call.arguments
    return {"run_id": run_id, "tool": call.tool, "arguments": of.text, "sha256": of.digest, "seen": call.seen}


def continued(recorded: Recorded, event: run.RunContinued, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        row = _with_run(row, event.run_id, lambda one: {**one, "state": "running"})
        row["said"] = None
        save(recorded, rows, row)


def started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    summary: Row = {
        "run_id": event.run_id,
        "agent_id": event.agent_id,
        "role": event.role,
        "purpose": event.purpose,
        "attempt": event.workplace.attempt if event.workplace else 1,
        "state": "running",
        "started_at": format_instant(recorded.recorded_at),
        "ended_at": None,
        **dict.fromkeys(("calls", "cost_microusd", "tokens_in", "tokens_out"), 0),
        "providers": [],
        "reason": "",
        "handed_over": row["handed_over"],
        "simulated": int(event.simulated),
    }
    simulated = int(row["simulated"] or event.simulated)
    row |= {"runs": [*row["runs"], summary], "simulated": simulated, "doing": None}
    if event.workplace is not None:
        row["sandbox"] = event.workplace.sandbox
        row["attempts"] = max(row["attempts"], event.workplace.attempt)
    save(recorded, rows, row)


def handed_over(recorded: Recorded, event: task.TaskHandedOver, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        row = _with_run(row, event.run_id, lambda one: {**one, "agent_id": event.agent_id, "handed_over": event.reason})
        changes: Row = {"said": None, "handed_over": event.reason}
        save(recorded, rows, row | changes | ({"assigned_agent": event.agent_id} if event.purpose == "work" else {}))


def suspended(recorded: Recorded, event: agent.AgentSuspended, rows: Rows) -> None:
    """Its cards say so, until somebody has their work in hand."""
    for held in event.runs:
        row = find(rows, held.task_id)
        if row is not None and any(one["run_id"] == held.run_id and one["ended_at"] is None for one in row["runs"]):
            remedy = f"{event.agent_id} {event.reason}: the work goes on with another, or as soon as it is back."
            row["said"] = waiting(WaitReason.PAUSED, format_instant(recorded.recorded_at), remedy)
            save(recorded, rows, row)


def called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    provider = str(event.provider)

    def count(one: Row) -> Row:
        return {
            **one,
            "calls": one["calls"] + 1,
            "cost_microusd": one["cost_microusd"] + event.cost_microusd,
            "tokens_in": one["tokens_in"] + event.tokens.input,
            "tokens_out": one["tokens_out"] + event.tokens.output,
            "providers": one["providers"] if provider in one["providers"] else [*one["providers"], provider],
        }

    row = find(rows, event.task_id)
    if row is not None:
        row = _with_run(row, event.run_id, count)
        tools = tuple(one.name for one in event.tool_calls)
        row["doing"] = (
            step_lines.of_tool(tools[0], event.tool_calls[0].arguments)
            if tools
            else step_lines.of_answer(event.answer, tools, event.model)
        )
        save(recorded, rows, _with_cost(row, event.cost_microusd, event.simulated))


def booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    run_id = event.charge.run_id
    row = find(rows, event.charge.task_id)
    if row is None:
        return
    simulated = any(one["simulated"] for one in row["runs"] if one["run_id"] == run_id)
    row = _with_run(row, run_id, lambda one: {**one, "cost_microusd": one["cost_microusd"] + event.amount_microusd})
    save(recorded, rows, _with_cost(row, event.amount_microusd, simulated))


def ends_as(state: str) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        row = find(rows, event.task_id)
        if row is None:
            return
        end = {"state": state, "ended_at": format_instant(recorded.recorded_at), "reason": getattr(event, "reason", "")}
        row = _with_run(row, event.run_id, lambda one: {**one, **end})
        # After a recall the card may be somebody else's matter already.
        said = None if row["state"] == TaskState.IN_PROGRESS else row["said"]
        row |= {"said": said, "doing": None, "sandbox": None, "question": None}
        save(recorded, rows, row)

    return handler


def _with_run(row: Row, run_id: str, change: Callable[[Row], Row]) -> Row:
    """The row is the caller's own, as `find` gives it; the list in it is not."""
    row["runs"] = [change(one) if one["run_id"] == run_id else one for one in row["runs"]]
    return row


def _with_cost(row: Row, amount: int, simulated: bool) -> Row:
    row["simulated_microusd" if simulated else "real_microusd"] += amount
    return row
