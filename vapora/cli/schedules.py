"""`vapora schedules`: what the clock begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import USAGE, Json, cell, checked, emit, local, stop, table
from vapora.cli.remote import connect
from vapora.commands import EditSchedule, SetSchedule
from vapora.views import FiringView, ScheduleView

app = typer.Typer(help="What the clock begins; without a command, lists them.", invoke_without_command=True)

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id.")]
Cron = Annotated[str | None, typer.Option(help="As '30 9 * * MON-FRI'.")]
Zone = Annotated[str | None, typer.Option(help="An IANA time zone, as Europe/Berlin.")]
Task = Annotated[str | None, typer.Option(help="The body of a task, as JSON or @FILE.")]
Project = Annotated[str | None, typer.Option(help="The project of the task or the workflow's run.")]
Title = Annotated[str | None, typer.Option(help="Of the task that it makes.")]
Workflow = Annotated[str | None, typer.Option(help="A workflow of which it begins a run.")]
Inputs = Annotated[str | None, typer.Option(help="What the run is given, as JSON or @FILE.")]
Overlap = Annotated[bool | None, typer.Option("--overlap/--no-overlap", help="Also while the one before runs.")]
CatchUp = Annotated[str | None, typer.Option(help="Of times that were missed: none, last or all.")]
CatchUpLimit = Annotated[int | None, typer.Option(min=1, max=100, help="With all: so many at most.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_schedules(as_json: Json = False) -> None:
    """Those that there are, and when they are due."""
    _list(as_json)


@app.command()
def show(schedule: ScheduleId, as_json: Json = False) -> None:
    """One of them."""
    with connect() as client:
        found = client.schedule(schedule)
    emit(as_json, found, lambda: _drawn((found,)))


@app.command("set")
def set_schedule(
    schedule: ScheduleId,
    cron: Cron = None,
    zone: Zone = None,
    task: Task = None,
    project: Project = None,
    title: Title = None,
    workflow: Workflow = None,
    inputs: Inputs = None,
    name: Annotated[str | None, typer.Option()] = None,
    overlap: Overlap = None,
    catch_up: CatchUp = None,
    catch_up_limit: CatchUpLimit = None,
    as_json: Json = False,
) -> None:
    """Make one, or change what is named of one that there is."""
    body = _task(task, project, title)
    said = {
        "cron": cron,
        "zone": zone,
        "task": body,
        "workflow_id": workflow,
        "inputs": None if inputs is None else _read(inputs, "--inputs"),
        "project_id": project if body is None else None,
        "name": name,
        "overlap": overlap,
        "catch_up": catch_up,
        "catch_up_limit": catch_up_limit,
    }
    fields = {key: value for key, value in said.items() if value is not None}
    if not fields:
        stop(USAGE, "Nothing was named.", "Name --cron, and --title with --project, or --workflow.")
    with connect() as client:
        named = body if body is not None else fields
        if "project_id" in named:
            named["project_id"] = project_id(client, named["project_id"])
        known = {one.id for one in client.schedules()}
        if schedule in known:
            shown = client.edit_schedule(schedule, checked(EditSchedule, fields))
        else:
            shown = client.set_schedule(schedule, checked(SetSchedule, fields))
    emit(as_json, shown, lambda: _drawn((shown,)))


@app.command()
def pause(schedule: ScheduleId, as_json: Json = False) -> None:
    """It fires no more until it is resumed; what would have been due is not missed."""
    _switch(schedule, False, as_json)


@app.command()
def resume(schedule: ScheduleId, as_json: Json = False) -> None:
    """From now on it fires again."""
    _switch(schedule, True, as_json)


@app.command()
def fire(
    schedule: ScheduleId,
    overlap: Annotated[bool, typer.Option("--overlap", help="Also while the one before runs.")] = False,
    as_json: Json = False,
) -> None:
    """Have it fire now, whether it is due or not."""
    with connect() as client:
        fired = client.fire_schedule(schedule, overlap)
    emit(as_json, fired, lambda: f"It began the {fired.kind} {cell(fired.id)}.")


@app.command()
def history(
    schedule: ScheduleId,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What it began, and what it left out and why."""
    with connect() as client:
        found = list(client.firings(schedule, limit))
    emit(as_json, {"items": found, "next": None}, lambda: _told(found))


@app.command()
def remove(schedule: ScheduleId, as_json: Json = False) -> None:
    """Remove one. What it began goes on."""
    with connect() as client:
        position = client.remove_schedule(schedule)
    emit(as_json, {"id": schedule, "position": position}, lambda: f"{cell(schedule)} is gone.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.schedules()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


def _switch(schedule: str, enabled: bool, as_json: bool) -> None:
    with connect() as client:
        shown = client.edit_schedule(schedule, EditSchedule(enabled=enabled))
    emit(as_json, shown, lambda: _drawn((shown,)))


def _task(task: str | None, project: str | None, title: str | None) -> Any:
    """The body, where any of it is named."""
    if task is None and title is None:
        return None
    body = {} if task is None else _read(task, "--task")
    return body | ({"project_id": project} if project else {}) | ({"title": title} if title else {})


def _read(text: str, option: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except (OSError, ValueError) as error:
        stop(USAGE, f"{option} cannot be read: {error}.")
    if not isinstance(found, dict):
        stop(USAGE, f"{option} wants a JSON object.")
    return found


def _drawn(found: tuple[ScheduleView, ...]) -> RenderableType:
    if not found:
        return "There is no schedule. Make one with: vapora schedules set ID --cron '0 9 * * MON' --project P --title T"
    shown = table("Schedules", "id", "when", "zone", "begins", "next", "last", fixed=("id",))
    for one in found:
        begins = f"workflow {one.workflow_id}" if one.task is None else f"task {one.task.get('title', '')}"
        due = "paused" if not one.enabled else local(one.next_at) if one.next_at else "never"
        shown.add_row(cell(one.id), cell(one.cron), cell(one.zone), cell(begins), due, one.last_outcome or "–")
    return shown


def _told(found: list[FiringView]) -> RenderableType:
    if not found:
        return "Nothing came of it yet."
    shown = table("History", "due", "what", "began", "by", "why")
    for one in found:
        what = one.outcome if one.count == 1 else f"{one.outcome} {one.count}{'+' if one.more else ''} times"
        due = local(one.due_at) if one.due_at else f"by hand, {local(one.at)}"
        shown.add_row(due, what, cell(one.task_id or one.workflow_run_id or "–"), cell(one.by), cell(one.detail))
    return shown
