"""`vapora run`: one attempt of an agent at a task."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group, RenderableType

from vapora.cli.follow_steps import Followed, follow, listed
from vapora.cli.names import RunId, run_id
from vapora.cli.output import FAILED, Json, cell, dollars, emit, local, table
from vapora.cli.remote import connect
from vapora.views import Execution

app = typer.Typer(help="Look at runs; pause, resume and cancel them.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; it stands on the card and in the log.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends, showing what it does.")]


@app.command()
def show(run: RunId, as_json: Json = False) -> None:
    """One run."""
    with connect() as client:
        found = client.run(run_id(client, run))
    emit(as_json, found, lambda: _draw(found))


@app.command()
def steps(run: RunId, following: Follow = False, as_json: Json = False) -> None:
    """What it did, step by step; with --follow, exit code 1 where it does not end well."""
    with connect() as client:
        show_steps(client, run_id(client, run), following, as_json)


def show_steps(client: Followed, run: str, following: bool, as_json: bool) -> None:
    if not following:
        found = tuple(client.steps(run))
        emit(as_json, {"items": found, "next": None}, lambda: listed(found))
        return
    ended = follow(client, run, as_json)
    if ended.state != "succeeded":
        raise typer.Exit(FAILED)


@app.command()
def pause(run: RunId, reason: Reason = "", as_json: Json = False) -> None:
    """It takes no further step until it is resumed; what is under way ends."""
    with connect() as client:
        accepted = client.pause_run(run_id(client, run), reason)
    emit(as_json, accepted, lambda: f"Paused (position {accepted.position}).")


@app.command()
def resume(run: RunId, as_json: Json = False) -> None:
    """Let it go on."""
    with connect() as client:
        accepted = client.resume_run(run_id(client, run))
    emit(as_json, accepted, lambda: f"It goes on (position {accepted.position}).")


@app.command()
def cancel(run: RunId, reason: Reason = "", as_json: Json = False) -> None:
    """End it after what is under way; its card goes back to todo."""
    with connect() as client:
        accepted = client.cancel_run(run_id(client, run), reason)
    emit(as_json, accepted, lambda: f"Cancelled (position {accepted.position}).")


def _draw(run: Execution) -> RenderableType:
    facts = [
        ("state", f"{run.state}: {run.reason}" if run.reason else run.state),
        ("purpose", run.purpose),
        ("task", run.task_id),
        ("agent", f"{run.agent_id} ({run.role})"),
        ("model", run.model),
        ("branch", f"{run.branch} at {(run.head or '')[:12]}" if run.branch else None),
        ("checks", run.checks.value if run.checks else None),
        ("sandbox", run.sandbox),
        ("tools", f"{run.tools_used} calls of {', '.join(run.tools)}" if run.tools else None),
        ("steps", f"{run.steps_done} of {len(run.steps)}" if run.steps else f"{run.steps_done}"),
        ("limits", f"{run.limits.steps} steps" if run.limits else None),
        ("cost", dollars(run.cost_microusd, run.simulated)),
        ("tokens", f"{run.tokens_in + run.tokens_out:,}"),
        ("started", local(run.started_at)),
        ("ended", local(run.ended_at) if run.ended_at else None),
        ("verdict", f"{run.review.verdict}: {run.review.comment}" if run.review else None),
        ("summary", run.summary or None),
    ]
    shown = table(f"Run {run.run_id}", "", "", fixed=())
    shown.show_header = False
    for name, value in facts:
        if value is not None:
            shown.add_row(name, cell(value))
    return Group(shown)
