"""`vapora policy`: the workspace's own policies, in Cedar."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vapora.cli.output import USAGE, Json, cell, emit, stop
from vapora.cli.remote import connect

app = typer.Typer(help="The policies of a workspace.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Cedar text; - for standard input.")]


@app.command()
def show(
    shipped: Annotated[bool, typer.Option("--shipped", help="Those that hold everywhere, too.")] = False,
    as_json: Json = False,
) -> None:
    """The workspace's own policies."""
    with connect() as client:
        found = client.policies()
    text = "\n".join(part for part in (found.shipped if shipped else "", found.text) if part)
    emit(as_json, found, lambda: cell(text) or "// This workspace has no policies of its own.")


@app.command("set")
def set_policies(file: File, as_json: Json = False) -> None:
    """Take the text of a file in place of those that are there. A fault is refused with its line."""
    text = _text(file)
    with connect() as client:
        taken = client.set_policies(text)
    emit(as_json, taken, lambda: "The policies hold from now on.")


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Look whether the text of a file would be taken; no server is asked. A fault is told with its line."""
    # Cedar takes a while to import.
    from vapora import access

    access.check(_text(file))
    emit(as_json, {"good": True}, lambda: "The text is good.")


def _text(file: Path) -> str:
    try:
        return typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        stop(USAGE, f"{cell(file)} cannot be read ({error}).")
