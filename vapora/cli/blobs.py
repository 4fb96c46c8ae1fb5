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
    from vapora.blobs import blobs_of, named_in, sweep

    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        blobs = blobs_of(settings, workspace)
        grace = timedelta(hours=older_than_h)
        found = sweep(blobs, lambda: named_in(one.state for one in _records(log)), clock.now(), grace, delete=delete)
    emit(as_json, _answer(workspace, found), lambda: _render(found))


@app.command()
def verify(data: Data = None, workspace: Workspace = "default", as_json: Json = False) -> None:
    """Prove that every text which an event names is there, and is the one that was stored.

    Also beside a running server.
    """
    from vapora.blobs import blobs_of, prove

    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        proof = prove(blobs_of(settings, workspace), _records(log))
    ok = not proof.lost
    answer = {"ok": ok, "workspace": workspace, "texts": proof.texts, "pruned": proof.pruned, "lost": proof.lost}
    emit(as_json, answer, lambda: _proved(proof))
    if not ok:
        raise typer.Exit(FAILED)


def prune(
    drop: Annotated[bool, typer.Option("--drop", help="Drop them; without it they are only counted.")] = False,
    older_than_days: Annotated[
        float, typer.Option("--older-than-days", min=1, max=36_500, help="Of runs that ended so long ago.")
    ] = 90,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Make room: drop the large texts that only runs name which ended long ago. Events, digests and sizes stay, and who
    asks for such a text is told. Also beside a running server."""
    from vapora import clock
    from vapora.blobs import blobs_of
    from vapora.blobs import prune as pruned
    from vapora.log.mapper import recorded_at

    settings, now = settings_for(data), clock.now()
    with open_log(settings, workspace) as log:
        blobs = blobs_of(settings, workspace)
        before = now - timedelta(days=older_than_days)
        found = pruned(blobs, lambda: _records(log), before, now, recorded_at, drop=drop)
    said = "Nothing was dropped: add --drop." if found.dropped is None else f"{found.dropped:,} were dropped."
    told = f"{len(found.digests):,} texts of {found.runs:,} old runs take {found.bytes:,} bytes. {said}"
    answer = {
        "workspace": workspace,
        "runs": found.runs,
        "digests": found.digests,
        "bytes": found.bytes,
        "dropped": found.dropped,
    }
    emit(as_json, answer, lambda: told)


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
        dropped = f"; {proof.pruned:,} more were dropped by `vapora prune`" if proof.pruned else ""
        return f"All {proof.texts - proof.pruned:,} texts that events name are there, and are what was stored{dropped}."
    shown = table("", "lost", "position", "why", right=("position",))
    for one in proof.lost[:_SHOWN]:
        shown.add_row(one.digest[:16], f"{one.position:,}", one.fault)
    told = f"{len(proof.lost):,} of {proof.texts:,} texts that events name are lost. Restore them from a backup."
    return Group(shown, told)
