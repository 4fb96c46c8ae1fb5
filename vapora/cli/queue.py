"""`vapora queue`: what waits to be taken, and what could not be."""

from __future__ import annotations

import typer
from rich.console import Group, RenderableType

from vapora.cli.names import TaskId
from vapora.cli.names import task_id as whole_task_id
from vapora.cli.output import Json, cell, emit, table
from vapora.cli.remote import connect
from vapora.views import QueueView

app = typer.Typer(help="The queue of tasks; without a command, shows it.", invoke_without_command=True)


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _show(as_json)


@app.command()
def show(as_json: Json = False) -> None:
    """How many tasks wait under each subject, and the dead letters."""
    _show(as_json)


@app.command()
def requeue(
    task_id: TaskId,
    as_json: Json = False,
) -> None:
    """Put a dead letter back: its task is offered anew, and the log says by whom."""
    with connect() as client:
        accepted = client.requeue(whole_task_id(client, task_id))
    emit(as_json, accepted, lambda: f"{cell(accepted.id)} is offered again.")


def _show(as_json: bool) -> None:
    with connect() as client:
        found = client.queue()
    emit(as_json, found, lambda: _drawn(found))


def _drawn(queue: QueueView) -> RenderableType:
    where = "NATS" if queue.kind == "nats" else "the log itself"
    parts: list[RenderableType] = [f"{queue.waiting} waiting; the queue is {where}."]
    if not queue.connected:
        parts = [f"The queue in {where} is away: {cell(queue.problem or '')} Work goes on from the log."]
        if not queue.dead_letters:
            parts.append("Whether there are dead letters is not known until it is back.")
    if queue.depth:
        waiting = table("", "subject", "waiting", right=("waiting",))
        for subject, number in queue.depth.items():
            waiting.add_row(cell(subject), str(number))
        parts.append(waiting)
    if queue.dead_letters:
        dead = table(
            "Dead letters" if queue.dead_letters_known else "Dead letters, as seen last",
            "task",
            "subject",
            "deliveries",
            right=("deliveries",),
            fixed=("task",),
        )
        for one in queue.dead_letters:
            dead.add_row(cell(one.id), cell(one.subject), str(one.deliveries))
        parts += ["", dead, "See the journal for why, then: vapora queue requeue TASK"]
    return Group(*parts)
