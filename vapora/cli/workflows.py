"""`vapora workflow`: stages from a goal to a result, their runs, and what they ask people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import FAILED, Json, cell, dollars, emit, local, pair, stop, table
from vapora.cli.remote import connect
from vapora.views import (
    ApprovalView,
    WorkflowChecked,
    WorkflowRunSummary,
    WorkflowRunView,
    WorkflowSummary,
    WorkflowView,
)

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="Workflows and their runs; without a command, lists them.", invoke_without_command=True)
approvals = typer.Typer(help="What workflows ask; without a command, lists it.", invoke_without_command=True)

WorkflowId = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its id.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The id of the workflow's run.")]
Stage = Annotated[str, typer.Argument(metavar="STAGE", help="The stage's name.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A definition, in TOML or JSON.")]
FileOrAll = Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="A definition, in TOML or JSON.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the run.")]
Comment = Annotated[str, typer.Option(help="What to say with it.")]
ApprovalId = Annotated[str, typer.Argument(metavar="APPROVAL", help="Its id.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_workflows(as_json: Json = False) -> None:
    """Those that ship, those that were made, and those of files."""
    _list(as_json)


@app.command()
def show(workflow: WorkflowId, as_json: Json = False) -> None:
    """One of them, with its definition."""
    with connect() as client:
        found = client.workflow(workflow)
    emit(as_json, found, lambda: _defined(found))


@app.command()
def check(file: FileOrAll = None, as_json: Json = False) -> None:
    """Say everything that is wrong with a definition. Nothing is stored. Without a file: with those that the workspace
    reads, of its folder and of repositories."""
    if file is None:
        _check_all(as_json)
        return
    with connect() as client:
        found = client.check_workflow(file.read_text(encoding="utf-8"))
    emit(as_json, found, lambda: _checked(found))
    if found.faults:
        raise typer.Exit(FAILED)


@app.command()
def add(file: File, as_json: Json = False) -> None:
    """Store a new one."""
    with connect() as client:
        made = client.create_workflow(_read(client, file))
    emit(as_json, made, lambda: f"{made.id} is stored. Start it with: vapora workflow start {made.id}")


@app.command("set")
def set_workflow(workflow: WorkflowId, file: File, as_json: Json = False) -> None:
    """Store it anew. Runs that are under way end as they began."""
    with connect() as client:
        made = client.set_workflow(workflow, _read(client, file))
    emit(as_json, made, lambda: f"{made.id} is at version {made.version}.")


@app.command()
def remove(workflow: WorkflowId, as_json: Json = False) -> None:
    """Remove one. Runs that are under way end as they began."""
    with connect() as client:
        position = client.remove_workflow(workflow)
    emit(as_json, {"id": workflow, "position": position}, lambda: f"{cell(workflow)} is gone.")


@app.command()
def start(
    workflow: WorkflowId,
    project: Annotated[str | None, typer.Option(help="The project: its name, or the beginning of its id.")] = None,
    given: Annotated[list[str] | None, typer.Option("--input", help="As goal='Export links'; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Begin a run."""
    inputs = dict(pair("--input", one) for one in given or ())
    with connect() as client:
        where = None if project is None else project_id(client, project)
        made = client.start_workflow(workflow, inputs, where)
    emit(as_json, made, lambda: f"{made.id} has begun. Follow it with: vapora workflow run {made.id}")


@app.command()
def runs(
    workflow: Annotated[str | None, typer.Option(help="Of this workflow only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What was begun."""
    with connect() as client:
        found = list(client.workflow_runs(workflow_id=workflow, limit=limit))
    emit(as_json, {"items": found, "next": None}, lambda: _runs(found))


@app.command()
def run(run: RunId, as_json: Json = False) -> None:
    """One run: its stages, their cards, time and cost."""
    with connect() as client:
        found = client.workflow_run(run)
    emit(as_json, found, lambda: _run(found))


@app.command()
def pause(run: RunId, reason: Reason = "", as_json: Json = False) -> None:
    """Nothing new of it shall start."""
    _steer(as_json, run, lambda client: client.pause_workflow_run(run, reason), "is paused")


@app.command()
def resume(run: RunId, as_json: Json = False) -> None:
    """It goes on."""
    _steer(as_json, run, lambda client: client.resume_workflow_run(run), "goes on")


@app.command()
def cancel(run: RunId, reason: Reason = "", as_json: Json = False) -> None:
    """Call its cards off, and undo what its stages did, the last first."""
    _steer(as_json, run, lambda client: client.cancel_workflow_run(run, reason), "is cancelled")


@app.command()
def retry(run: RunId, stage: Stage, reason: Reason = "", as_json: Json = False) -> None:
    """Have a failed stage tried again."""
    _steer(as_json, run, lambda client: client.retry_stage(run, stage, reason), f"tries {stage} again")


@app.command()
def skip(run: RunId, stage: Stage, reason: Annotated[str, typer.Option()], as_json: Json = False) -> None:
    """Go on without a stage."""
    _steer(as_json, run, lambda client: client.skip_stage(run, stage, reason), f"goes on without {stage}")


@approvals.callback()
def _asked(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list_approvals(as_json)


@approvals.command("list")
def list_approvals(as_json: Json = False) -> None:
    """What waits for a decision."""
    _list_approvals(as_json)


@approvals.command("show")
def show_approval(approval: ApprovalId, as_json: Json = False) -> None:
    """What exactly it is about."""
    with connect() as client:
        found = client.approval(approval)
    emit(as_json, found, lambda: Group(_approvals((found,)), json.dumps(found.shown, indent=2, ensure_ascii=False)))


@approvals.command()
def approve(approval: ApprovalId, comment: Comment = "", seen: str | None = None, as_json: Json = False) -> None:
    """Let the run go on. `--seen`: the digest that you looked at; else what it shows now."""
    _decide(approval, "approve", comment, seen, as_json)


@approvals.command()
def reject(approval: ApprovalId, comment: Comment = "", seen: str | None = None, as_json: Json = False) -> None:
    """Do not let it go on so."""
    _decide(approval, "reject", comment, seen, as_json)


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.workflows()
    emit(as_json, {"items": found, "next": None}, lambda: _listed(found))


def _check_all(as_json: bool) -> None:
    with connect() as client:
        found = [one for one in client.workflows() if one.problem]
    emit(as_json, {"items": found, "next": None}, lambda: _problems(found) or "No file of a workflow has a fault.")
    if found:
        raise typer.Exit(FAILED)


def _problems(found: Iterable[WorkflowSummary]) -> str:
    return "\n".join(cell(f"{one.id}: {one.problem}") for one in found if one.problem)


def _list_approvals(as_json: bool) -> None:
    with connect() as client:
        found = client.approvals()
    emit(as_json, {"items": found, "next": None}, lambda: _approvals(found))


def _decide(approval: str, decision: Any, comment: str, seen: str | None, as_json: bool) -> None:
    with connect() as client:
        digest = seen or client.approval(approval).seen
        decided = client.decide(approval, decision, digest, comment)
    said = "approved" if decision == "approve" else "rejected"
    emit(as_json, decided, lambda: f"{cell(approval)} is {said}.")


def _steer(as_json: bool, run: str, ask: Callable[[Client], int], said: str) -> None:
    with connect() as client:
        position = ask(client)
    emit(as_json, {"id": run, "position": position}, lambda: f"{cell(run)} {said}.")


def _read(client: Client, file: Path) -> dict[str, Any]:
    """Checked on the server first, which names every fault with its place."""
    found = client.check_workflow(file.read_text(encoding="utf-8"))
    if found.definition is None:
        stop(FAILED, f"{file} was not stored: {_faults(found)}")
    return dict(found.definition)


def _faults(found: WorkflowChecked) -> str:
    return "\n".join(f"{one.place}: {one.message}" if one.place else one.message for one in found.faults)


def _checked(found: WorkflowChecked) -> str:
    return _faults(found) or "It can be stored."


def _defined(found: WorkflowView) -> RenderableType:
    return Group(_listed((found,)), json.dumps(found.definition, indent=2, ensure_ascii=False))


def _listed(found: tuple[WorkflowSummary, ...]) -> RenderableType:
    shown = table("Workflows", "id", "name", "stages", "from", "version", fixed=("id",))
    for one in found:
        shown.add_row(cell(one.id), cell(one.name), cell(" → ".join(one.stages)), one.source, str(one.version))
    problems = _problems(found)
    return Group(shown, problems) if problems else shown


def _runs(found: list[WorkflowRunSummary]) -> RenderableType:
    if not found:
        return "No workflow was started yet. Begin with: vapora workflow start feature --input goal='…'"
    shown = table("Runs", "id", "workflow", "state", "stages", "begun", fixed=("id",))
    for one in found:
        over = sum(state in ("completed", "skipped") for state in one.stages.values())
        shown.add_row(one.id, cell(one.name), one.state, f"{over} of {len(one.stages)}", local(one.started_at))
    return shown


def _run(run: WorkflowRunView) -> RenderableType:
    shown = table(f"{run.name}: {run.state}", "stage", "state", "cards", "took", "cost", fixed=("stage",))
    for one in run.stages:
        took = "" if one.duration_s is None else f"{one.duration_s:.1f} s"
        cards = ", ".join(task.task_id for task in one.tasks)
        mark = " *" if one.critical else ""
        shown.add_row(cell(one.name) + mark, one.state, cards, took, dollars(one.cost_microusd, run.simulated))
    path = " → ".join(run.critical_path)
    parts: list[RenderableType] = [shown]
    parts.append(f"{run.duration_s:.1f} s, {dollars(run.cost_microusd, run.simulated)}, {run.agents} agents.")
    if path:
        parts.append(f"* critical path: {path}, {run.critical_path_s:.1f} s")
    parts += [f"It waits for a decision: vapora approvals approve {one}" for one in run.approvals]
    if run.reason:
        parts.append(cell(run.reason))
    return Group(*parts)


def _approvals(found: tuple[ApprovalView, ...]) -> RenderableType:
    if not found:
        return "Nothing waits for a decision."
    shown = table("Approvals", "id", "title", "workflow", "stage", "state", "until", fixed=("id",))
    for one in found:
        until = "" if one.expires_at is None else local(one.expires_at)
        shown.add_row(one.id, cell(one.title), cell(one.workflow), cell(one.stage), one.state, until)
    return shown
