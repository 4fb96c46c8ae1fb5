"""`vapora blobs`: the large texts beside the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from vapora.cli.offline import Data, Workspace, open_log, settings_for
from vapora.cli.output import FAILED, Json, emit, local, table

if TYPE_CHECKING:
    from vapora.blobs import Proof, Sweep
    from vapora.log import EventLog
    from vapora.records import StoredRecord

app = typer.Typer(help="The large texts beside the log.", no_args_is_help=True)

_PAGE = 2_000
_SHOWN = 20


@app.command()
def collect(
    delete: Annotated[bool, typer.Option("--delete", help="Remove them; without it they are only shown.")] = False,
    older_than_h: Annotated[
        float, typer.Option("--older-than-h", min=2, max=8_760, help="Leave alone what is younger, in hours.")
    ] = 24,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Find texts that no event names, as a crash may leave them. Also beside a running server."""
    from vapora import clock
    from vapora.blobs import named_in, open_blobs, sweep

    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        blobs = open_blobs(settings.blobs_url, settings.blob_folder(workspace), workspace)
        grace = timedelta(hours=older_than_h)
        found = sweep(blobs, lambda: named_in(one.state for one in _records(log)), clock.now(), grace, delete=delete)
    emit(as_json, _answer(workspace, found), lambda: _render(found))


@app.command()
def verify(data: Data = None, workspace: Workspace = "default", as_json: Json = False) -> None:
    """Prove that every text which an event names is there, and is the one that was stored.

    Also beside a running server.
    """
    from vapora.blobs import open_blobs, prove

    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        proof = prove(open_blobs(settings.blobs_url, settings.blob_folder(workspace), workspace), _records(log))
    ok = not proof.lost
    emit(as_json, {"ok": ok, "workspace": workspace, "texts": proof.texts, "lost": proof.lost}, lambda: _proved(proof))
    if not ok:
        raise typer.Exit(FAILED)


def _records(log: EventLog) -> Iterator[StoredRecord]:
    """The whole log as it stands, undecoded: an event that this version does not know keeps its texts too."""
    after = 0
    while records := log.after(after, _PAGE):
        yield from records
        after = records[-1].position


def _answer(workspace: str, found: Sweep) -> dict[str, Any]:
    return {
        "workspace": workspace,
        "named": found.named,
        "young": found.young,
        "orphans": [one.digest for one in found.orphans],
        "bytes": found.bytes,
        "removed": found.removed,
    }


def _render(found: Sweep) -> RenderableType:
    shown = table("", "orphan", "bytes", "stored", right=("bytes",))
    for one in found.orphans[:_SHOWN]:
        shown.add_row(one.digest[:16], f"{one.size:,}", local(one.modified_at))
    count = len(found.orphans)
    rest = f"; {count - _SHOWN} more are not shown" if count > _SHOWN else ""
    done = "Nothing was removed: add --delete." if found.removed is None else f"{found.removed} removed."
    told = f"{count} of {count + found.named + found.young} texts are named by no event, {found.bytes:,} bytes{rest}."
    return Group(shown, f"{told} {done}") if count else told


def _proved(proof: Proof) -> RenderableType:
    if not proof.lost:
        return f"All {proof.texts:,} texts that events name are there, and are what was stored."
    shown = table("", "lost", "position", "why", right=("position",))
    for one in proof.lost[:_SHOWN]:
        shown.add_row(one.digest[:16], f"{one.position:,}", one.fault)
    told = f"{len(proof.lost):,} of {proof.texts:,} texts that events name are lost. Restore them from a backup."
    return Group(shown, told)
