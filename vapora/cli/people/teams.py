"""`vapora teams`: members of a workspace under one name, for tokens and policies."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.output import USAGE, Json, cell, emit, stop, table
from vapora.cli.people.asking import In, here, one_of
from vapora.cli.remote import connect
from vapora.commands import EditTeam
from vapora.views import TeamView

app = typer.Typer(help="The teams of a workspace; without a command, lists them.", invoke_without_command=True)

Team = Annotated[str, typer.Argument(metavar="TEAM", help="The team's id.")]
With = Annotated[list[str] | None, typer.Option("--member", help="Somebody, by e-mail or id; repeatable.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(None, as_json)


@app.command("list")
def list_teams(workspace: In = None, as_json: Json = False) -> None:
    """All teams."""
    _list(workspace, as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument()], members: With = None, workspace: In = None, as_json: Json = False
) -> None:
    """Make a team."""
    with connect() as client:
        of = here(client, workspace)
        known = client.members(of) if members else ()
        ids = tuple(one_of(known, one).user_id for one in members or ())
        made = client.create_team(of, name)
        if ids:
            client.edit_team(of, made.id, EditTeam(members=ids))
    emit(as_json, {**made.model_dump(mode="json"), "members": ids}, lambda: f"Made the team {cell(made.id)}.")


@app.command()
def edit(
    team: Team,
    name: Annotated[str | None, typer.Option()] = None,
    members: With = None,
    workspace: In = None,
    as_json: Json = False,
) -> None:
    """Change a team; the members that are named are all of them."""
    if name is None and members is None:
        stop(USAGE, "Nothing to change was named.", "Name --name or --member.")
    with connect() as client:
        of = here(client, workspace)
        known = client.members(of) if members else ()
        ids = tuple(one_of(known, one).user_id for one in members or ())
        said = ({} if name is None else {"name": name}) | ({} if members is None else {"members": ids})
        position = client.edit_team(of, team, EditTeam.model_validate(said))
    emit(as_json, {"id": team, **said, "position": position}, lambda: f"Changed {cell(team)}.")


@app.command()
def remove(team: Team, workspace: In = None, as_json: Json = False) -> None:
    """Take a team away; its members stay."""
    with connect() as client:
        position = client.remove_team(here(client, workspace), team)
    emit(as_json, {"id": team, "position": position}, lambda: f"Removed {cell(team)}.")


def _list(workspace: str | None, as_json: bool) -> None:
    with connect() as client:
        of = here(client, workspace)
        found = client.teams(of)
        names = {one.user_id: one.name for one in client.members(of)} if found and not as_json else {}
    emit(as_json, {"items": found, "next": None}, lambda: _draw(found, names))


def _draw(found: tuple[TeamView, ...], names: dict[str, str]) -> RenderableType:
    if not found:
        return "No teams yet. `vapora teams create NAME` makes one."
    shown = table("", "id", "name", "members", fixed=("id",))
    for one in found:
        who = ", ".join(names.get(member, member) for member in one.members)
        shown.add_row(cell(one.id), cell(one.name), cell(who or "nobody"))
    return shown
