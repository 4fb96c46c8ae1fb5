"""`vapora settings`: what is set for the workspace."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.output import Json, checked, emit, table
from vapora.cli.remote import connect
from vapora.commands import ChangeSettings
from vapora.views import WorkspaceSettings

app = typer.Typer(help="What is set for the workspace.", no_args_is_help=True)


@app.command()
def show(as_json: Json = False) -> None:
    """What is set now."""
    with connect() as client:
        found = client.settings()
    emit(as_json, found, lambda: _drawn(found))


@app.command()
def vectors(
    source: Annotated[
        str,
        typer.Argument(
            help="built-in, none, or provider:model, which is paid for from the workspace's budget; installation: as "
            "the installation has it."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Where search has its vectors from."""
    with connect() as client:
        now = client.settings().model_dump(exclude={"position"})
        chosen = None if source == "installation" else source
        changed = checked(ChangeSettings, {**now, "search_vectors": chosen})
        found = client.set_settings(changed)
    emit(as_json, found, lambda: _drawn(found))


def _drawn(found: WorkspaceSettings) -> RenderableType:
    drawn = table("Settings", "Setting", "Value")
    for name, value in found.model_dump(mode="json", exclude={"position"}).items():
        drawn.add_row(name, "–" if value is None else str(value))
    return drawn
