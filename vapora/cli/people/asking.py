"""What these commands share: passwords, whom a word means, and a question before what cannot be undone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vapora.cli.output import USAGE, clip, say, stop

if TYPE_CHECKING:
    from vapora.sdk import Client
    from vapora.views import Member, UserView

Somebody = TypeVar("Somebody", "UserView", "Member")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
In = Annotated[str | None, typer.Option("--workspace", help="Its id; absent: the one that is in use.")]
Who = Annotated[str, typer.Argument(metavar="USER", help="The person's e-mail, or the beginning of their id.")]


def password(what: str = "Password", again: bool = False) -> str:
    """Typed in unseen, or the first line of what is piped in. Never an argument: others on the machine see those."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=again, err=True))
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        stop(USAGE, "No password came in.", "Type it at a terminal, or pipe it in.")
    return line


def agree(question: str, yes: bool) -> None:
    """Ends the command unless somebody agrees."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say(question)
        stop(USAGE, "Nobody is here to agree.", "Add --yes.")
    typer.confirm(question, abort=True, err=True)


def one_of(people: Sequence[Somebody], given: str) -> Somebody:
    """By e-mail, else by id or its beginning. Wrong usage where it is nobody, or several."""
    wanted = given.strip().lower()
    found = [one for one in people if one.email and one.email.lower() == wanted]
    found = (
        found or [one for one in people if _id(one) == given] or [one for one in people if _id(one).startswith(given)]
    )
    if not found:
        stop(USAGE, f"There is nobody called {clip(given, 60)!r}.", "Name somebody by e-mail or id; `list` shows them.")
    if len(found) > 1:
        candidates = "".join(f"\n  {_id(one)}  {clip(one.name, 40)}" for one in found)
        stop(USAGE, f"{len(found)} people have an id that begins with {given!r}:{candidates}")
    return found[0]


def _id(one: UserView | Member) -> str:
    return str(getattr(one, "user_id", None) or getattr(one, "id", ""))


def here(client: Client, workspace: str | None) -> str:
    return workspace or client.workspace
