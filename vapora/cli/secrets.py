"""`vapora secrets`: keys and logins of the workspace. A value is read from standard input or asked for, never an
argument: arguments stand in the shell's history, and everybody on the machine sees them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.output import USAGE, Json, cell, emit, local, stop, table
from vapora.cli.remote import connect
from vapora.views import Secret

app = typer.Typer(help="The secrets of the workspace; without a command, lists them.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(help="Such as anthropic-api-key or git-github.com.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_secrets(as_json: Json = False) -> None:
    """Names and versions; nothing shows a value."""
    _list(as_json)


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """A secret's version, and who stored it when."""
    with connect() as client:
        found = client.secret(name)
    emit(as_json, found, lambda: _drawn((found,)))


@app.command("set")
def set_secret(name: Name, as_json: Json = False) -> None:
    """Store a value: from standard input, or asked for at a terminal."""
    value = _asked(name) if sys.stdin.isatty() else sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        stop(USAGE, "No value was given.", f"Write it to standard input: vapora secrets set {name} < FILE")
    with connect() as client:
        stored = client.store_secret(name, value)
    emit(as_json, stored, lambda: f"{cell(stored.name)} is stored, version {stored.version}.")


@app.command()
def delete(name: Name, as_json: Json = False) -> None:
    """Delete all versions of it."""
    with connect() as client:
        position = client.delete_secret(name)
    emit(as_json, {"name": name, "position": position}, lambda: f"{cell(name)} is deleted.")


@app.command()
def rotate(as_json: Json = False) -> None:
    """Replace the key that encrypts the workspace's secrets; values and versions stay."""
    with connect() as client:
        done = client.rotate_secrets()
    emit(as_json, done, lambda: f"{done.secrets} values are encrypted by the key {cell(done.key)} now.")


def _asked(name: str) -> str:
    return str(typer.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.secrets()
    emit(as_json, {"items": found, "next": None}, lambda: _drawn(found))


def _drawn(found: tuple[Secret, ...]) -> RenderableType:
    if not found:
        return "No secrets are stored. `vapora secrets set NAME` stores one."
    shown = table("", "name", "version", "stored", "by", right=("version",), fixed=("name",))
    for one in found:
        shown.add_row(cell(one.name), str(one.version), local(one.updated_at), cell(one.updated_by))
    return shown
