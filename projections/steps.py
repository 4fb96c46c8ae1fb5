"""The steps of each run: answers of the model, tools, commands and checks, one row each, also what is under way.

A row's `at` is the position of the event that began it; an answer stands where it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, routing, run
from events.content import Content
from events.work import CommandResult
from projections import step_lines
from projections.engine.base import (
    Handler,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    Table,
    format_instant,
)
from vapora.domain.answer import Verdict, judge
from vapora.errors import BadInputError
from vapora.views import Page, Step

STEPS = Table(
    "steps",
    key=("run_id", "id"),
    columns={
        "run_id": "text",
        "id": "text",
        "task_id": "text",
        "at": "int",
        "part": "int",
        "step": "int",
        "kind": "text",
        "state": "text",
        "name": "text",
        "server": "text",
        "line": "text",
        "arguments": "json",
        "result": "json",
        "truncated": "int",
        "exit_code": "int",
        "error": "text",
        "started_at": "text",
        "duration_ms": "int",
        "cost_microusd": "int",
        "tokens_in": "int",
        "tokens_out": "int",
        "commit_oid": "text",
        "sandbox": "text",
        "simulated": "int",
        "withdrawn": "int",  # chosen, and never asked
    },
    indexes=(("run_id", "at", "part"),),
)
# Large texts that a run's steps name: nothing else of the blob store can be asked for through it.
TEXTS = Table("step_texts", key=("run_id", "sha256"), columns={"run_id": "text", "sha256": "text", "size": "int"})
# Of which step a call is: what closes its reservation names the call.
CALLS = Table("step_calls", key=("call_id",), columns={"call_id": "text", "step": "int"})
# How far each run is: what comes next belongs to this step. `code`: it is done by code, which carries out the tool
# calls that a model asks for as steps of its own.
PLACES = Table(
    "step_places", key=("run_id",), columns={"run_id": "text", "step": "int", "checks": "int", "code": "int"}
)

_BEFORE = -1
_UNKNOWN = ("server", "arguments", "result", "exit_code", "error", "duration_ms", "commit_oid", "sandbox")


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    rows.put(PLACES, {"run_id": event.run_id, "step": _BEFORE, "checks": 0, "code": 0})
    for content in (event.system, event.brief):
        _stored(rows, event.run_id, content)


def _waiting(recorded: Recorded, event: run.RunWaiting, rows: Rows) -> None:
    _stored(rows, event.run_id, event.call.arguments if event.call is not None else None)


def _set_up(recorded: Recorded, event: run.SetupRan, rows: Rows) -> None:
    if event.reused:
        line = "what setup made earlier is used again"
        took = sum(one.duration_ms for one in event.results)
        _add(recorded, rows, event, "setup", "setup", line=line, state=_state(event.ok), duration_ms=took)
        return
    for part, result in enumerate(event.results):
        _command(recorded, rows, event, "setup", result, part)


def _selected(recorded: Recorded, event: routing.ProviderSelected, rows: Rows) -> None:
    name = f"{event.provider}/{event.model}"
    fields = {"id": _model_id(event), "step": event.step, "simulated": int(event.simulated)}
    rows.put(CALLS, {"call_id": event.call_id, "step": event.step})
    _add(recorded, rows, event, "model", name, line=f"asks {name}", state="running", **fields)


def _called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    verdict = judge(event)
    name = f"{event.provider}/{event.model}"
    row = _row(recorded, rows, event, _model_id(event), "model", name) | {
        # Its money may be held long before it is asked: what comes in between comes before it.
        "at": recorded.position,
        "step": event.step,
        "name": name,
        "line": step_lines.of_answer(event.answer, tuple(one.name for one in event.tool_calls), name),
        "result": _text(rows, event.run_id, event.answer),
        "state": _state(verdict is Verdict.USABLE),
        "error": None if verdict is Verdict.USABLE else f"{verdict.value} ({event.finish_detail or event.finish})",
        "cost_microusd": event.cost_microusd,
        "tokens_in": event.tokens.input,
        "tokens_out": event.tokens.output,
        "simulated": int(event.simulated),
        **_took(recorded, event.latency_ms),
    }
    rows.put(STEPS, row)
    _reached(rows, event.run_id, event.step)
    place = rows.get(PLACES, (event.run_id,))
    for call, asked in enumerate(event.tool_calls if place is None or not place["code"] else ()):
        fields = {"id": _tool_id(event.step, call), "step": event.step, "part": call + 1}
        line = step_lines.of_tool(asked.name, asked.arguments)
        _add(recorded, rows, event, "tool", asked.name, line=line, arguments=asked.arguments, state="running", **fields)


def _call_failed(recorded: Recorded, event: run.ModelCallFailed, rows: Rows) -> None:
    row = _row(recorded, rows, event, _model_id(event), "model", f"{event.provider}/{event.model}")
    _finish(rows, row, "failed", f"{event.error}: {event.message}")


def _call_lost(recorded: Recorded, event: run.ModelCallLost, rows: Rows) -> None:
    row = rows.get(STEPS, (event.run_id, _model_id(event)))
    if row is not None:
        _finish(rows, row, "failed", "its answer was lost in a crash")


def _call_withdrawn(recorded: Recorded, event: run.ModelCallWithdrawn, rows: Rows) -> None:
    row = rows.get(STEPS, (event.run_id, _model_id(event)))
    if row is not None:
        _withdraw(rows, row)


def _withdraw(rows: Rows, row: Row) -> None:
    rows.put(STEPS, row | {"state": "cancelled", "withdrawn": 1})


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    call = rows.get(CALLS, (event.call_id,))
    row = None if call is None else rows.get(STEPS, (event.charge.run_id, _attempt_id(call["step"], event.attempt)))
    if row is not None:
        rows.put(STEPS, row | {"cost_microusd": row["cost_microusd"] + event.amount_microusd})


def _asked_by_code(recorded: Recorded, event: run.CodeStepAsked, rows: Rows) -> None:
    """A tool that code calls is under way; of a value that it took from outside this is all there is."""
    place = rows.get(PLACES, (event.run_id,))
    if place is not None:
        rows.put(PLACES, place | {"step": event.step, "code": 1})
    for content in (event.asked, event.value):
        _stored(rows, event.run_id, content)
    fields = {"step": event.step, "part": 1, "id": _tool_id(event.step, 0), "simulated": int(event.simulated)}
    if event.kind == "tool":
        _add(recorded, rows, event, "tool", event.name, line=event.name, state="running", **fields)
    elif event.kind == "value":
        result = _text(rows, event.run_id, event.value) if event.value is not None else None
        line = step_lines.one_line(f"{event.name}: {event.value.text or 'recorded'}" if event.value else event.name)
        _add(
            recorded, rows, event, "value", event.name, line=line, result=result, state="done", duration_ms=0, **fields
        )


def _used(recorded: Recorded, event: run.ToolUsed, rows: Rows) -> None:
    arguments = _arguments(rows, event.run_id, event.arguments)
    row = _row(recorded, rows, event, _tool_id(event.step, event.call), "tool", event.name) | {
        "step": event.step,
        "part": event.call + 1,
        "name": event.name,
        **_served(event),
        "line": step_lines.of_tool(event.name, arguments if isinstance(arguments, dict) else {}),
        "arguments": arguments,
        "result": _text(rows, event.run_id, event.result),
        "truncated": int(event.truncated),
        "exit_code": event.exit_code,
        "state": _state(event.ok),
        "error": None if event.ok else step_lines.one_line(event.result.text or "it failed"),
        "commit_oid": event.commit,
        "sandbox": event.sandbox,
        "simulated": int(event.simulated),
        **_took(recorded, event.duration_ms),
    }
    rows.put(STEPS, row)


def _served(event: run.ToolUsed) -> dict[str, Any]:
    """Of a call that a server took: which, and what it cost."""
    server, cost = event.data.get("server"), event.data.get("cost_microusd")
    return {
        "server": server if isinstance(server, str) else None,
        "cost_microusd": cost if isinstance(cost, int) else 0,
    }


def _checked(recorded: Recorded, event: run.ChecksRan, rows: Rows) -> None:
    of = {"sandbox": event.sandbox, "simulated": int(event.simulated), "commit_oid": event.head}
    for part, result in enumerate(event.results):
        _command(recorded, rows, event, "check", result, part, **of)
    if not event.results:
        line = "the project has no checks"
        _add(recorded, rows, event, "check", "checks", line=line, state="done", duration_ms=0, **of)


def _succeeded(recorded: Recorded, event: run.RunSucceeded, rows: Rows) -> None:
    review = event.review
    if review is not None:
        told = review.model_dump(mode="json")
        line = step_lines.one_line(f"{review.verdict}: {review.comment}")
        fields = {"arguments": told, "commit_oid": review.head, "duration_ms": 0, "simulated": int(event.simulated)}
        _add(recorded, rows, event, "review", review.verdict, line=line, state="done", **fields)
    _ended(recorded, event, rows)


def _ended(recorded: Recorded, event: Any, rows: Rows) -> None:
    """Nothing of it is under way any more."""
    for row in rows.select(STEPS, {"run_id": event.run_id, "state": "running"}):
        if row["kind"] == "model":
            _withdraw(rows, row)
        else:
            _finish(rows, row, "cancelled", None)
    rows.delete(PLACES, (event.run_id,))


def _command(
    recorded: Recorded, rows: Rows, event: Any, kind: str, result: CommandResult, part: int, **more: Any
) -> None:
    good = result.exit_code == 0
    fields = {
        "part": part,
        "arguments": {"command": result.command},
        "result": _text(rows, event.run_id, result.output),
        "truncated": int(result.truncated),
        "exit_code": result.exit_code,
        "state": _state(good),
        "error": None if good else result.ended or f"exit code {result.exit_code}",
        "started_at": format_instant(recorded.recorded_at - timedelta(milliseconds=result.duration_ms)),
        "duration_ms": result.duration_ms,
        **more,
    }
    line = step_lines.one_line(f"{result.name}: {result.command}")
    _add(recorded, rows, event, kind, result.name, line=line, **fields)


def _add(recorded: Recorded, rows: Rows, event: Any, kind: str, name: str, **fields: Any) -> None:
    place = rows.get(PLACES, (event.run_id,))
    fields.setdefault("step", place["step"] if place else _BEFORE)
    part = fields.setdefault("part", 0)
    id_ = fields.pop("id", f"{fields['step'] + 1:06d}/{kind}/{recorded.position}/{part:04d}")
    rows.put(STEPS, _new(recorded, event, id_, kind, name) | fields)


def _row(recorded: Recorded, rows: Rows, event: Any, id_: str, kind: str, name: str) -> Row:
    return rows.get(STEPS, (event.run_id, id_)) or _new(recorded, event, id_, kind, name) | {"step": event.step}


def _new(recorded: Recorded, event: Any, id_: str, kind: str, name: str) -> Row:
    return {
        "run_id": event.run_id,
        "id": id_,
        "task_id": event.task_id,
        "at": recorded.position,
        "part": 0,
        "kind": kind,
        "state": "running",
        "name": name,
        "line": name,
        **dict.fromkeys(_UNKNOWN),
        **dict.fromkeys(("truncated", "cost_microusd", "tokens_in", "tokens_out", "simulated", "withdrawn"), 0),
        "started_at": format_instant(recorded.recorded_at),
    }


def _finish(rows: Rows, row: Row, state: str, error: str | None) -> None:
    rows.put(STEPS, row | {"state": state, "error": error})


def _reached(rows: Rows, run_id: str, step: int) -> None:
    place = rows.get(PLACES, (run_id,))
    if place is not None and place["step"] != step:
        rows.put(PLACES, place | {"step": step})


def _took(recorded: Recorded, duration_ms: int) -> dict[str, Any]:
    began = recorded.recorded_at - timedelta(milliseconds=duration_ms)
    return {"started_at": format_instant(began), "duration_ms": duration_ms}


def _state(good: bool) -> str:
    return "done" if good else "failed"


def _model_id(event: Any) -> str:
    return _attempt_id(event.step, event.attempt)


def _attempt_id(step: int, attempt: int) -> str:
    return f"{step:06d}/m{attempt:03d}"


def _tool_id(step: int, call: int) -> str:
    return f"{step:06d}/t{call:04d}"


def _stored(rows: Rows, run_id: str, content: Content | None) -> None:
    if content is not None and content.digest is not None:
        rows.put(TEXTS, {"run_id": run_id, "sha256": content.digest, "size": content.size})


def _text(rows: Rows, run_id: str, content: Content) -> Any:
    """The text, or where it is to be found."""
    _stored(rows, run_id, content)
    return content.text if content.digest is None else {"sha256": content.digest, "bytes": content.size}


def _arguments(rows: Rows, run_id: str, content: Content) -> Any:
    told = _text(rows, run_id, content)
    return step_lines.arguments(told) if isinstance(told, str) else told


def _view(row: Row) -> Step:
    fields = {name: value for name, value in row.items() if name not in ("at", "part", "commit_oid", "withdrawn")}
    fields["cursor"] = f"{row['at']}.{row['part']}"
    fields |= {"commit": row["commit_oid"], "truncated": bool(row["truncated"]), "simulated": bool(row["simulated"])}
    return Step.model_validate(fields)


def _live(row: Row) -> dict[str, Any]:
    """Without its texts: a socket gets the steps of all runs, and whoever looks at one asks for them."""
    shown = _view(row | {"arguments": None, "result": None}).model_dump(mode="json")
    return {**shown, "id": f"{row['run_id']}/{row['id']}"}


class Steps(Projection):
    NAME = "steps"
    VERSION = 5
    TABLES = (STEPS, TEXTS, CALLS, PLACES)
    VIEWS = (PublicView("step", STEPS, _live, removed=lambda row: bool(row["withdrawn"])),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        run.RunStarted: _started,
        run.RunWaiting: _waiting,
        run.SetupRan: _set_up,
        routing.ProviderSelected: _selected,
        run.ModelCalled: _called,
        run.ModelCallFailed: _call_failed,
        run.ModelCallLost: _call_lost,
        run.ModelCallWithdrawn: _call_withdrawn,
        budget.SpendUnknown: _booked,
        run.CodeStepAsked: _asked_by_code,
        run.ToolUsed: _used,
        run.ChecksRan: _checked,
        run.RunSucceeded: _succeeded,
        run.RunFailed: _ended,
        run.RunCancelled: _ended,
    }


def steps(rows: Reader, run_id: str, cursor: str | None = None, limit: int = 100) -> Page[Step]:
    """In order. `cursor`: a page's `next`."""
    after = None
    if cursor is not None:
        at, _, part = cursor.partition(".")
        if not (at.isdecimal() and part.isdecimal()):
            raise BadInputError(f"{cursor!r} is not a cursor.", remedy="Pass `next` of the page before.")
        after = (int(at), int(part))
    found = rows.select(STEPS, {"run_id": run_id, "withdrawn": 0}, order=("at", "part"), limit=limit + 1, after=after)
    items = tuple(map(_view, found[:limit]))
    return Page[Step](items=items, next=items[-1].cursor if len(found) > limit else None)


def size_of(rows: Reader, run_id: str, sha256: str) -> int | None:
    """Bytes of a text that the run names; None for one that it does not."""
    row = rows.get(TEXTS, (run_id, sha256))
    return None if row is None else int(row["size"])
