"""`vapora login`, `logout`, `whoami` and `setup`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.kept import Servers, SessionFile
from vapora.cli.output import FAILED, USAGE, Json, cell, emit, say, stop, table
from vapora.cli.people import asking
from vapora.cli.remote import connect, data_folder, server_url, trusted
from vapora.views import Me

Url = Annotated[str | None, typer.Option(help="The server; absent: VAPORA_URL, or the one of this data folder.")]
Email = Annotated[str | None, typer.Option(help="Absent: you are asked.")]
Insecure = Annotated[
    bool, typer.Option("--insecure-http", help="Send the password unencrypted, over a network that you trust.")
]


def login(url: Url = None, email: Email = None, insecure: Insecure = False, as_json: Json = False) -> None:
    """Sign in. The password is asked for, or read from standard input; the session is kept for later commands."""
    from vapora.sdk import Client

    servers = Servers()
    address = server_url(servers, url)
    _require_safe(address, insecure)
    email = email or _ask("E-mail", "--email")
    password = asking.password()
    with Client(address, session=SessionFile(servers, address), tls=trusted(address)) as client:
        client.log_in(email, password)
        servers.change(address, {"email": email}, latest=True)
        me = client.me()
    if os.environ.get("VAPORA_TOKEN"):
        say("VAPORA_TOKEN is set: as long as it is, commands ask as that program, and not as you.")
    emit(as_json, _told(address, me), lambda: f"Signed in at {address} as {cell(me.name)}.")


def logout(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="End all your sessions, on every device.")] = False,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Sign out, and forget the session."""
    from vapora.sdk import ApiError, Client

    servers = Servers()
    address = server_url(servers, url)
    session = SessionFile(servers, address)
    if session.read() is None:
        stop(USAGE, f"Nobody is signed in at {address}.", "See `vapora whoami`.")
    with Client(address, session=session, tls=trusted(address)) as client:
        try:
            client.log_out(everywhere)
        except ApiError as error:
            if error.status != 401:
                raise
            # It has ended already; what is left is to forget it.
    servers.forget(address)
    emit(as_json, {"url": address, "signed_in": False}, lambda: f"Signed out at {address}.")


def whoami(as_json: Json = False) -> None:
    """Who the commands speak for, where, and what they belong to."""
    with connect() as client:
        me, address = client.me(), client.url
        workspace = client.workspace
    emit(as_json, _told(address, me) | {"workspace": workspace}, lambda: _draw(me, address, workspace))


def setup(
    url: Url = None,
    email: Email = None,
    name: Annotated[str | None, typer.Option(help="Absent: you are asked.")] = None,
    insecure: Insecure = False,
    as_json: Json = False,
) -> None:
    """Become the first owner, where there is none: on the server's machine, or with the link's token."""
    from vapora.sdk import Client

    servers = Servers()
    address = server_url(servers, url)
    _require_safe(address, insecure)
    email, name = email or _ask("E-mail", "--email"), name or _ask("Name", "--name")
    token = _setup_token() or asking.password("Token, from the link that `vapora up` printed (behind the #)")
    password = asking.password("New password", again=True)
    with Client(address, session=SessionFile(servers, address), tls=trusted(address)) as client:
        client.set_up(token, email, name, password)
        servers.change(address, {"email": email}, latest=True)
    told = f"You are the owner, and signed in at {address}. Everybody has to sign in there from now on."
    emit(as_json, {"url": address, "email": email, "signed_in": True}, lambda: told)


auth = typer.Typer(help="How people sign in; for administrators.", no_args_is_help=True)


@auth.command("rotate-key")
def rotate_key(as_json: Json = False) -> None:
    """Sign access tokens with a new key. Nobody is signed out: those of the old one are good until they expire."""
    with connect() as client:
        accepted = client.rotate_signing_key()
    emit(as_json, accepted, lambda: "Access tokens are signed with a new key from now on.")


def _setup_token() -> str | None:
    """Of the server on this machine, if this user may read it."""
    try:
        return (data_folder() / "people" / "setup_token").read_text().strip() or None
    except OSError:
        return None


def _ask(what: str, option: str) -> str:
    if not sys.stdin.isatty():
        stop(USAGE, f"{what} is missing.", f"Name it with {option}.")
    return str(typer.prompt(what, err=True))


def _require_safe(url: str, insecure: bool) -> None:
    """A password does not travel readable over a network."""
    from vapora.sdk.paths import is_local

    if url.startswith("http://") and not is_local(url) and not insecure:
        stop(
            FAILED,
            f"{url} is not encrypted: others on the way could read the password.",
            "Use an https:// address, or add --insecure-http on a network that you trust.",
        )


def _told(url: str, me: Me) -> dict[str, object]:
    return {"url": url, **me.model_dump(mode="json")}


def _draw(me: Me, url: str, workspace: str) -> RenderableType:
    names = {"operator": "the operator", "local": "whoever is at this machine (nobody has to sign in there)"}
    who = names.get(me.kind) or f"{me.name} <{me.email}>" if me.kind != "token" else f"the program {me.name}"
    shown = table(cell(f"{who} at {url}"), "workspace", "role", "")
    for one in me.workspaces:
        shown.add_row(cell(one.workspace_id), one.role.value, "in use" if one.workspace_id == workspace else "")
    return shown
