"""`vapora webhooks`: where events are sent to."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli import deliveries as deliveries_of
from vapora.cli.output import FAILED, USAGE, Json, cell, checked, emit, stop, table
from vapora.cli.remote import connect
from vapora.commands import SetWebhook
from vapora.views import WebhookMade, WebhookOutcome, WebhookView

app = typer.Typer(help="Where events are sent to; without a command, lists them.", invoke_without_command=True)

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Which events: task.completed, task.* or *; repeatable.")
]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_webhooks(as_json: Json = False) -> None:
    """Those that there are."""
    _list(as_json)


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="An https address.")],
    topic: Topics = None,
    description: Annotated[str, typer.Option()] = "",
    as_json: Json = False,
) -> None:
    """Make one. The secret that signs its messages is shown here and never again."""
    command = checked(SetWebhook, {"url": url, "topics": topic or ["*"], "description": description})
    with connect() as client:
        made = client.create_webhook(command)
    emit(as_json, made, lambda: _made(made))


@app.command("set")
def set_webhook(
    webhook: WebhookId,
    url: Annotated[str | None, typer.Option()] = None,
    topic: Topics = None,
    description: Annotated[str | None, typer.Option()] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    as_json: Json = False,
) -> None:
    """Change one. What is not named stays as it is."""
    if url is None and topic is None and description is None and enabled is None:
        stop(USAGE, "Nothing was named.", "Name some of --url, --topic, --description, --enable, --disable.")
    with connect() as client:
        known = client.webhook(webhook)
        said = {
            "url": known.url if url is None else url,
            "topics": known.topics if topic is None else topic,
            "description": known.description if description is None else description,
            "enabled": known.enabled if enabled is None else enabled,
        }
        command = checked(SetWebhook, said)
        shown = client.set_webhook(webhook, command)
    emit(as_json, shown, lambda: _drawn((shown,)))


@app.command()
def remove(webhook: WebhookId, as_json: Json = False) -> None:
    """Remove one, with what was not sent yet."""
    with connect() as client:
        position = client.remove_webhook(webhook)
    emit(as_json, {"id": webhook, "position": position}, lambda: f"{cell(webhook)} is gone.")


@app.command("test")
def send_sample(webhook: WebhookId, as_json: Json = False) -> None:
    """Send it a sample now."""
    with connect() as client:
        outcome = client.test_webhook(webhook)
    emit(as_json, outcome, lambda: _told(outcome))
    if not outcome.delivered:
        raise typer.Exit(FAILED)


@app.command()
def deliveries(
    webhook: WebhookId,
    state: Annotated[str | None, typer.Option(help="pending, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What was sent to it, and what waits or was given up."""
    wanted = deliveries_of.state_of(state)
    with connect() as client:
        found = list(client.deliveries(webhook, wanted, limit))
    emit(as_json, {"items": found, "next": None}, lambda: deliveries_of.drawn(found))


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.webhooks()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


def _made(made: WebhookMade) -> str:
    return f"{made.id} is sent {', '.join(made.topics)}.\nIts secret, shown only now: {made.secret}"


def _told(outcome: WebhookOutcome) -> str:
    if outcome.delivered:
        return f"It arrived: answered with {outcome.status} after {outcome.duration_ms} ms."
    return deliveries_of.refused(outcome)


def _drawn(found: tuple[WebhookView, ...]) -> RenderableType:
    if not found:
        return "There is no webhook. Make one with: vapora webhooks add URL --topic 'task.*'"
    shown = table("Webhooks", "id", "address", "topics", "state", fixed=("id",))
    for one in found:
        state = "on" if one.enabled else "off"
        shown.add_row(cell(one.id), cell(one.url), cell(", ".join(one.topics)), state)
    return shown
