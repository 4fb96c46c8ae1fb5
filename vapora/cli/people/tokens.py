"""`vapora tokens`: what lets programs in."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import RenderableType

from vapora.cli.output import USAGE, Json, cell, emit, local, parse_instant, say, stop, table
from vapora.cli.remote import connect
from vapora.commands import IssueToken
from vapora.views import TokenView

app = typer.Typer(help="The tokens of programs; without a command, lists them.", invoke_without_command=True)


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(as_json)


@app.command("list")
def list_tokens(as_json: Json = False) -> None:
    """All tokens of the workspace, without their texts: nothing shows those again."""
    _list(as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="workspace:ID, workspace:ID:ROLE or team:ID; repeatable. Absent: this workspace, as member."),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="An instant; absent: good until it is revoked.")] = None,
    as_json: Json = False,
) -> None:
    """Make a token. It is shown this once."""
    until = None if expires is None else parse_instant(expires)
    with connect() as client:
        scopes = tuple(scope or (f"workspace:{client.workspace}",))
        try:
            IssueToken(name=name, scopes=scopes, expires_at=until)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            stop(USAGE, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.", "See vapora tokens create --help.")
        made = client.issue_token(name, scopes, until)
    if not as_json:
        say("Keep it now: it is shown this once. Programs send it as VAPORA_TOKEN.")
    emit(as_json, made, lambda: made.token)


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="The token's id.")], as_json: Json = False) -> None:
    """It is refused from now on."""
    with connect() as client:
        position = client.revoke_token(token)
    emit(as_json, {"id": token, "position": position}, lambda: f"Revoked {cell(token)}.")


def _list(as_json: bool) -> None:
    with connect() as client:
        found = client.tokens()
    emit(as_json, {"items": found, "next": None}, lambda: _draw(found))


def _draw(found: tuple[TokenView, ...]) -> RenderableType:
    if not found:
        return "No tokens yet. `vapora tokens create NAME` makes one."
    shown = table("", "id", "name", "may reach", "until", fixed=("id",))
    for one in found:
        until = local(one.expires_at) if one.expires_at else "revoked"
        shown.add_row(cell(one.id), cell(one.name), cell(", ".join(one.scopes)), until)
    return shown
