"""`vapora channels`: by which people are told."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType

from vapora.cli import deliveries as deliveries_of
from vapora.cli.output import FAILED, USAGE, Json, cell, checked, emit, stop, table
from vapora.cli.remote import connect
from vapora.commands import SetChannel
from vapora.views import ChannelOutcome, ChannelView

app = typer.Typer(help="By which people are told; without a command, lists them.", invoke_without_command=True)

ChannelId = Annotated[str, typer.Argument(metavar="CHANNEL", help="Its id.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_channels(as_json: Json = False) -> None:
    """Those that there are."""
    _list(as_json)


@app.command("set")
def set_channel(
    channel: ChannelId,
    kind: Annotated[str | None, typer.Option(help="slack, discord, telegram, webhook or email.")] = None,
    notice: Annotated[list[str] | None, typer.Option(help="What it is told of, or *; repeatable.")] = None,
    secret: Annotated[str | None, typer.Option(help="The name of its secret in the vault, as channel-team.")] = None,
    url: Annotated[str | None, typer.Option(help="Of a webhook.")] = None,
    chat_id: Annotated[str | None, typer.Option(help="Of Telegram.")] = None,
    host: Annotated[str | None, typer.Option(help="The mail server.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535)] = None,
    security: Annotated[str | None, typer.Option(help="starttls, tls or none.")] = None,
    username: Annotated[str | None, typer.Option()] = None,
    sender: Annotated[str | None, typer.Option(help="The address that mail comes from.")] = None,
    to: Annotated[list[str] | None, typer.Option(help="An address that mail goes to; repeatable.")] = None,
    template: Annotated[list[str] | None, typer.Option(help="NOTICE=TEXT, in place of ours; repeatable.")] = None,
    description: Annotated[str | None, typer.Option()] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
    as_json: Json = False,
) -> None:
    """Make one, or change what is named of one that there is. Its secret: vapora secrets set channel-…"""
    mail = {"host": host, "port": port, "security": security, "username": username, "sender": sender, "to": to}
    said: dict[str, Any] = {
        "kind": kind,
        "notices": notice,
        "secret": secret,
        "url": url,
        "chat_id": chat_id,
        "mail": _named(mail) or None,
        "templates": _templates(template) if template else None,
        "description": description,
        "enabled": enabled,
    }
    changes = _named(said)
    if not changes:
        stop(USAGE, "Nothing was named.", "Name --kind and what that wants.")
    with connect() as client:
        known = next((one for one in client.channels() if one.id == channel), None)
        before = known.model_dump(exclude={"id", "created_at", "position"}) if known is not None else {}
        if "mail" in changes:
            changes["mail"] = {**(before.get("mail") or {}), **changes["mail"]}
        before = {} if known is None or changes.get("kind", known.kind) != known.kind else before
        shown = client.set_channel(channel, checked(SetChannel, {"notices": ["*"], **before, **changes}))
    emit(as_json, shown, lambda: _drawn((shown,)))


@app.command()
def remove(channel: ChannelId, as_json: Json = False) -> None:
    """Remove one, with what was not sent yet. Its secret stays until it is deleted."""
    with connect() as client:
        position = client.remove_channel(channel)
    emit(as_json, {"id": channel, "position": position}, lambda: f"{cell(channel)} is gone.")


@app.command("test")
def send_sample(channel: ChannelId, as_json: Json = False) -> None:
    """Send it a sample now."""
    with connect() as client:
        outcome = client.test_channel(channel)
    emit(as_json, outcome, lambda: _told(outcome))
    if not outcome.delivered:
        raise typer.Exit(FAILED)


@app.command()
def deliveries(
    channel: ChannelId,
    state: Annotated[str | None, typer.Option(help="pending, delivered or dead.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """What was sent to it, and what waits or was given up."""
    wanted = deliveries_of.state_of(state)
    with connect() as client:
        found = list(client.channel_deliveries(channel, wanted, limit))
    emit(as_json, {"items": found, "next": None}, lambda: deliveries_of.drawn(found))


@app.command()
def resend(
    channel: ChannelId,
    position: Annotated[list[int] | None, typer.Option(min=1, help="Of a dead letter; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Send dead letters again: those that are named, or all of them."""
    with connect() as client:
        accepted = client.resend_deliveries(channel, tuple(position or ()))
    emit(as_json, accepted, lambda: "They are sent again.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.channels()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _templates(given: list[str]) -> dict[str, str]:
    parts = [one.partition("=") for one in given]
    if any(not sign for _, sign, _ in parts):
        stop(USAGE, "A template is NOTICE=TEXT.", "As --template 'task-failed=$task_title failed'.")
    return {name: text for name, _, text in parts}


def _told(outcome: ChannelOutcome) -> str:
    if outcome.delivered:
        return f"It arrived, after {outcome.duration_ms} ms."
    return deliveries_of.refused(outcome)


def _drawn(found: tuple[ChannelView, ...]) -> RenderableType:
    if not found:
        return "There is no channel. Make one with: vapora channels set ID --kind slack --secret channel-ID"
    shown = table("Channels", "id", "kind", "told of", "secret", "state", fixed=("id",))
    for one in found:
        state = "on" if one.enabled else "off"
        shown.add_row(cell(one.id), one.kind, cell(", ".join(one.notices)), cell(one.secret or "–"), state)
    return shown
