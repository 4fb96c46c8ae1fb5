"""`vapora members`: who belongs to a workspace, as what."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from events.ids import MemberRole
from vapora.cli.output import Json, cell, emit, local, say, table
from vapora.cli.people.asking import In, Who, here, one_of
from vapora.cli.remote import connect
from vapora.views import InvitationView, Member

app = typer.Typer(help="The members of a workspace; without a command, lists them.", invoke_without_command=True)

Role = Annotated[MemberRole, typer.Option(help="What they may do: viewer, member, admin or owner.")]


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(None, as_json)


@app.command("list")
def list_members(workspace: In = None, as_json: Json = False) -> None:
    """All members."""
    _list(workspace, as_json)


@app.command()
def add(user: Who, role: Role = MemberRole.MEMBER, workspace: In = None, as_json: Json = False) -> None:
    """Add somebody who has an account here; others are invited."""
    with connect() as client:
        user_id = one_of(client.users(), user).id if "@" in user else user
        position = client.add_member(here(client, workspace), user_id, role)
    answer = {"user_id": user_id, "role": role, "position": position}
    emit(as_json, answer, lambda: f"{cell(user)} is {role.value} now.")


@app.command()
def role(
    user: Who,
    role: Annotated[MemberRole, typer.Argument(help="viewer, member, admin or owner.")],
    workspace: In = None,
    as_json: Json = False,
) -> None:
    """Change what a member may do."""
    with connect() as client:
        of = here(client, workspace)
        found = one_of(client.members(of), user)
        position = client.change_member(of, found.user_id, role)
    answer = {"user_id": found.user_id, "role": role, "position": position}
    emit(as_json, answer, lambda: f"{cell(found.name)} is {role.value} now.")


@app.command()
def remove(user: Who, workspace: In = None, as_json: Json = False) -> None:
    """Take somebody out of the workspace; what they did stays."""
    with connect() as client:
        of = here(client, workspace)
        found = one_of(client.members(of), user)
        position = client.remove_member(of, found.user_id)
    answer = {"user_id": found.user_id, "position": position}
    emit(as_json, answer, lambda: f"{cell(found.name)} does not belong to {cell(of)} any more.")


@app.command()
def invite(
    email: Annotated[str, typer.Argument()], role: Role = MemberRole.MEMBER, workspace: In = None, as_json: Json = False
) -> None:
    """Make a link by which somebody joins, once. It is shown this once: send it to them."""
    with connect() as client:
        made = client.invite(here(client, workspace), email, role)
        # An older server does not say it.
        link = made.link or f"{client.url}/accept#{made.token}"
    if not as_json:
        say(f"Send this link to {cell(email)}. It is good once, until {local(made.expires_at)}:")
    emit(as_json, {**made.model_dump(mode="json"), "link": link}, lambda: link)


@app.command()
def invitations(workspace: In = None, as_json: Json = False) -> None:
    """Who is invited, and has not come yet."""
    with connect() as client:
        found = client.invitations(here(client, workspace))
    emit(as_json, {"items": found, "next": None}, lambda: _draw_invitations(found))


@app.command()
def withdraw(
    invitation: Annotated[str, typer.Argument(help="The invitation's id.")], workspace: In = None, as_json: Json = False
) -> None:
    """Take an invitation back: its link is no longer good."""
    with connect() as client:
        position = client.withdraw_invitation(here(client, workspace), invitation)
    emit(as_json, {"id": invitation, "position": position}, lambda: f"Withdrew {cell(invitation)}.")


def _list(workspace: str | None, as_json: bool) -> None:
    with connect() as client:
        found = client.members(here(client, workspace))
    emit(as_json, {"items": found, "next": None}, lambda: _draw(found))


def _draw(found: tuple[Member, ...]) -> RenderableType:
    if not found:
        return "Nobody belongs to this workspace. `vapora members invite EMAIL` makes a link for the first person."
    shown = table("", "id", "name", "e-mail", "role", fixed=("id",))
    for one in found:
        shown.add_row(cell(one.user_id), cell(one.name), cell(one.email), one.role.value)
    return shown


def _draw_invitations(found: tuple[InvitationView, ...]) -> RenderableType:
    if not found:
        return "Nobody is invited."
    shown = table("", "id", "e-mail", "role", "until", fixed=("id",))
    for one in found:
        shown.add_row(cell(one.id), cell(one.email), one.role.value, local(one.expires_at))
    return shown
