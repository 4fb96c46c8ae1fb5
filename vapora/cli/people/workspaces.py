"""`vapora workspace`: which there are, and which one commands speak to."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.kept import Servers
from vapora.cli.output import FAILED, Json, cell, emit, say, stop, table
from vapora.cli.people.asking import Yes, agree
from vapora.cli.remote import connect
from vapora.commands import EditWorkspace
from vapora.views import WorkspaceView

app = typer.Typer(help="The workspaces; without a command, lists them.", invoke_without_command=True)

Id = Annotated[str, typer.Argument(metavar="WORKSPACE", help="The workspace's id.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_workspaces(as_json: Json = False) -> None:
    """Those that you belong to; all of them for an administrator."""
    _list(as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument()],
    workspace_id: Annotated[
        str | None, typer.Option("--id", help="Absent: made from the name. It never changes.")
    ] = None,
    use: Annotated[bool, typer.Option("--use", help="Commands speak to it from then on.")] = False,
    as_json: Json = False,
) -> None:
    """Make a workspace; you are its owner."""
    with connect() as client:
        made = client.create_workspace(name, workspace_id)
        if use:
            Servers().change(client.url, {"workspace": made.id})
    emit(as_json, made, lambda: f"Made the workspace {cell(made.id)}.")


@app.command()
def use(workspace: Id, as_json: Json = False) -> None:
    """Let commands at this server speak to it, where neither an option nor VAPORA_WORKSPACE names another."""
    with connect() as client:
        if workspace not in {one.id for one in client.workspaces()}:
            stop(FAILED, f"There is no workspace {cell(workspace)!r} for you.", "`vapora workspace list` shows them.")
        Servers().change(client.url, {"workspace": None if workspace == "default" else workspace})
    emit(as_json, {"id": workspace}, lambda: f"Commands speak to {cell(workspace)} from now on.")


@app.command()
def rename(workspace: Id, name: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """Give it another name; its id stays."""
    _edit(workspace, EditWorkspace(name=name), f"is called {cell(name)} now", as_json)


@app.command()
def archive(workspace: Id, as_json: Json = False) -> None:
    """Let it rest: it can be looked at, and nothing in it changes."""
    _edit(workspace, EditWorkspace(archived=True), "is archived", as_json)


@app.command()
def restore(workspace: Id, as_json: Json = False) -> None:
    """Take it back from the archive."""
    _edit(workspace, EditWorkspace(archived=False), "goes on", as_json)


@app.command()
def delete(workspace: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Delete it for good, with its log and all that is in it. An export of it is made first."""
    with connect() as client:
        agree(f"Delete the workspace {cell(workspace)} with all that is in it, for good?", yes)
        position = client.delete_workspace(workspace)
        servers = Servers()
        if servers.of(client.url).get("workspace") == workspace:
            servers.change(client.url, {"workspace": None})
            say("Commands speak to the workspace default from now on.")
    emit(as_json, {"id": workspace, "position": position}, lambda: f"Deleted {cell(workspace)}.")


def _edit(workspace: str, change: EditWorkspace, done: str, as_json: bool) -> None:
    with connect() as client:
        position = client.edit_workspace(workspace, change)
    answer = {"id": workspace, **change.model_dump(exclude_unset=True), "position": position}
    emit(as_json, answer, lambda: f"{cell(workspace)} {done}.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found, current = client.workspaces(), client.workspace
    emit(as_json, {"items": found, "next": None}, lambda: _draw(found, current))


def _draw(found: tuple[WorkspaceView, ...], current: str) -> RenderableType:
    if not found:
        return "You belong to no workspace. Ask for an invitation, or make one with `vapora workspace create NAME`."
    shown = table("", "id", "name", "your role", "", fixed=("id",))
    for one in found:
        marks = [*(["in use"] if one.id == current else []), *(["archived"] if one.archived else [])]
        shown.add_row(cell(one.id), cell(one.name), one.role.value if one.role else "–", ", ".join(marks))
    return shown
