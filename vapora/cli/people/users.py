"""`vapora users`: who has an account on this installation; for its administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.output import USAGE, Json, cell, emit, stop, table
from vapora.cli.people.asking import Who, Yes, agree, one_of, password
from vapora.cli.remote import connect
from vapora.commands import EditUser
from vapora.views import UserView

app = typer.Typer(help="The accounts; without a command, lists them.", invoke_without_command=True)


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_users(as_json: Json = False) -> None:
    """All who have an account."""
    _list(as_json)


@app.command()
def disable(user: Who, as_json: Json = False) -> None:
    """They may not sign in any more, and their sessions end."""
    _edit(user, EditUser(disabled=True), "may not sign in any more", as_json)


@app.command()
def enable(user: Who, as_json: Json = False) -> None:
    """They may sign in again."""
    _edit(user, EditUser(disabled=False), "may sign in again", as_json)


@app.command()
def administrator(
    user: Who,
    no: Annotated[bool, typer.Option("--no", help="Not any more.")] = False,
    as_json: Json = False,
) -> None:
    """Let them look after people and workspaces of the installation."""
    _edit(user, EditUser(administrator=not no), "is no administrator" if no else "is an administrator", as_json)


@app.command()
def erase(user: Who, yes: Yes = False, as_json: Json = False) -> None:
    """Delete name, address and password for good; what they did stays in the log, under their id."""
    with connect() as client:
        found = one_of(client.users(), user)
        agree(f"Delete all that is known of {cell(found.name)} <{cell(found.email)}>, for good?", yes)
        position = client.erase_user(found.id)
    emit(as_json, {"id": found.id, "position": position}, lambda: f"Erased {cell(found.id)}.")


@app.command("reset-password")
def reset_password(user: Who, as_json: Json = False) -> None:
    """Set another password for them, which is asked for or read from standard input. Their sessions end."""
    with connect() as client:
        found = one_of(client.users(), user)
        given = password("New password", again=True)
        if len(given) < 12:
            stop(USAGE, "A password has at least 12 characters.")
        position = client.reset_password(found.id, given)
    emit(as_json, {"id": found.id, "position": position}, lambda: f"{cell(found.name)} has another password.")


def _edit(user: str, change: EditUser, done: str, as_json: bool) -> None:
    with connect() as client:
        found = one_of(client.users(), user)
        position = client.edit_user(found.id, change)
    answer = {"id": found.id, **change.model_dump(exclude_unset=True), "position": position}
    emit(as_json, answer, lambda: f"{cell(found.name)} {done}.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.users()
    emit(as_json, {"items": found, "next": None}, lambda: _draw(found))


def _draw(found: Sequence[UserView]) -> RenderableType:
    if not found:
        return "Nobody has an account here yet. `vapora setup` makes the first owner."
    shown = table("", "id", "name", "e-mail", "", fixed=("id",))
    for one in found:
        marks = [*(["administrator"] if one.administrator else []), *(["disabled"] if one.disabled else [])]
        shown.add_row(cell(one.id), cell(one.name), cell(one.email), ", ".join(marks))
    return shown
