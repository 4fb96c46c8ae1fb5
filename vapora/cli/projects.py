"""`vapora projects`: what the work is about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from vapora.cli.names import project_id
from vapora.cli.output import FAILED, USAGE, Json, cell, clip, emit, say, stop, table
from vapora.cli.remote import connect
from vapora.commands import CreateProject, EditProject
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


@app.command()
def edit(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="Its name, or the beginning of its id.")],
    name: Annotated[str | None, typer.Option()] = None,
    description: Annotated[str | None, typer.Option()] = None,
    repo: Annotated[Path | None, typer.Option(help="The git repository that the work is about.")] = None,
    no_repo: Annotated[bool, typer.Option("--no-repo", help="Take the repository away.")] = False,
    as_json: Json = False,
) -> None:
    """Change a project; what is not named stays as it is."""
    if repo is not None and no_repo:
        stop(USAGE, "A repository cannot be set and taken away at once.")
    where = None if repo is None else str(repo.expanduser().absolute())
    said = {"name": name, "description": description, "repo": where}
    change = {one: value for one, value in said.items() if value is not None} | ({"repo": None} if no_repo else {})
    if not change:
        stop(USAGE, "Nothing to change was named.", "See vapora projects edit --help.")
    if name is not None and not name.strip():
        stop(USAGE, "A project needs a name.")
    with connect() as client:
        edited = client.edit_project(project_id(client, project), EditProject.model_validate(change))
    emit(as_json, edited, lambda: f"Changed project {cell(edited.id)}.")


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
