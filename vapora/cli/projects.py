"""`vapora projects`: what the work is about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from vapora.cli.output import FAILED, USAGE, Json, cell, clip, emit, say, stop, table
from vapora.cli.remote import connect
from vapora.commands import CreateProject
from vapora.views import Project

if TYPE_CHECKING:
    from vapora.sdk import Client

app = typer.Typer(help="The projects; without a command, lists them.", invoke_without_command=True)


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_projects(as_json: Json = False) -> None:
    """All projects."""
    _list(as_json)


@app.command()
def add(
    name: Annotated[str, typer.Argument()],
    description: Annotated[str, typer.Option()] = "",
    repo: Annotated[Path | None, typer.Option(help="The git repository that the work is about.")] = None,
    same_name: Annotated[bool, typer.Option("--same-name", help="Also if there is one of this name.")] = False,
    as_json: Json = False,
) -> None:
    """Make a project."""
    if not name.strip():
        stop(USAGE, "A project needs a name.")
    # Absolute: the server has another working folder than this shell.
    where = None if repo is None else str(repo.expanduser().absolute())
    with connect() as client:
        if not same_name:
            _require_new_name(client, name)
        accepted = client.create_project(CreateProject(name=name, description=description, repo=where))
    emit(as_json, accepted, lambda: f"Made project {cell(accepted.id)}.")


def _require_new_name(client: Client, name: str) -> None:
    """Commands name projects: two of one name could be told apart by their ids only."""
    taken = [one.id for one in client.projects() if one.name.casefold() == name.strip().casefold()]
    if not taken:
        return
    told = f"There is a project called {clip(name, 60)!r} already: {', '.join(taken)}."
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        stop(FAILED, told, "Choose another name, or add --same-name.")
    say(told)
    typer.confirm("Make another one of this name?", abort=True, err=True)


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.projects()
    emit(as_json, {"items": found, "next": None}, lambda: _projects(found))


def _projects(found: tuple[Project, ...]) -> RenderableType:
    if not found:
        return "No projects yet. Make one with `vapora projects add NAME`."
    shown = table("", "id", "name", "repository", fixed=("id",))
    for one in found:
        shown.add_row(cell(one.id), cell(clip(one.name, 40)), cell(one.repo or "–"))
    return shown
