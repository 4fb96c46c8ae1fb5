"""`vapora task attach|attachments|detach`: the files on a card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from vapora.cli.names import TaskId, task_id
from vapora.cli.output import USAGE, Json, cell, emit, local, stop, table
from vapora.cli.remote import connect
from vapora.views import Attachment, AttachmentMade

if TYPE_CHECKING:
    from vapora.sdk import Client

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="The files to put on the card.")]


def attach(
    task: TaskId,
    files: Files,
    name: Annotated[str | None, typer.Option(help="What the file is called there; with a single one.")] = None,
    as_json: Json = False,
) -> None:
    """Put files on a card: a model that can see is shown images, and every one reads texts."""
    if name is not None and len(files) > 1:
        stop(USAGE, "--name names one file.", "Attach them one by one.")
    with connect() as client:
        made = attach_all(client, task_id(client, task), files, name)
    emit(as_json, {"items": made}, lambda: "\n".join(f"Attached {cell(one.name)}: {_kind(one)}." for one in made))


def attach_all(client: Client, task: str, files: list[Path], name: str | None = None) -> list[AttachmentMade]:
    return [client.attach(task, one, name) for one in files]


def attachments(task: TaskId, as_json: Json = False) -> None:
    """The files on a card."""
    with connect() as client:
        found = client.attachments(task_id(client, task))
    emit(as_json, {"items": found, "next": None}, lambda: _files(found))


def download(
    task: TaskId,
    name: Annotated[str, typer.Argument(help="Of the file, as the card has it.")],
    into: Annotated[Path, typer.Option("--output", "-o", help="Where to; a file that is there is not written over.")],
    as_json: Json = False,
) -> None:
    """Write a file of a card to the disk."""
    with connect() as client:
        data = client.attachment(task_id(client, task), name)
    try:
        with into.open("xb") as file:
            file.write(data)
    except OSError as error:
        stop(USAGE, f"{into} cannot be written: {error.strerror}.", "Name another file.")
    emit(as_json, {"path": str(into), "bytes": len(data)}, lambda: f"{len(data):,} bytes are in {cell(into)}.")


def detach(
    task: TaskId,
    name: Annotated[str, typer.Argument(help="Of the file, as the card has it.")],
    as_json: Json = False,
) -> None:
    """Take a file off a card."""
    with connect() as client:
        task = task_id(client, task)
        position = client.detach(task, name)
    answer: dict[str, Any] = {"task_id": task, "name": name, "position": position}
    emit(as_json, answer, lambda: f"Removed {cell(name)} (position {position}).")


def install(app: typer.Typer) -> None:
    app.command("attach")(attach)
    app.command("attachments")(attachments)
    app.command("download")(download)
    app.command("detach")(detach)


def _files(found: tuple[Attachment, ...]) -> RenderableType:
    if not found:
        return "No files yet."
    shown = table("Files", "name", "kind", "bytes", "added", right=("bytes",))
    for one in found:
        shown.add_row(cell(one.name), _kind(one), f"{one.bytes:,}", local(one.added_at))
    return shown


def _kind(one: Attachment | AttachmentMade) -> str:
    return one.media_type if one.width is None else f"{one.media_type}, {one.width} × {one.height}"
