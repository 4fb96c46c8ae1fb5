"""`vapora rebuild`: the read models anew, from the log alone, while the old ones are served."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType

from vapora.cli.offline import Data, Workspace, open_log, settings_for
from vapora.cli.output import FAILED, USAGE, Json, cell, emit, stop, table

if TYPE_CHECKING:
    from projections import Projection, ReadStore
    from vapora.log import EventLog

# A server on the same data waits for no longer than a batch takes to be written.
_BATCH = 2_000


def rebuild(
    projection: Annotated[list[str] | None, typer.Argument(metavar="[PROJECTION]...", help="Absent: all.")] = None,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Fold the log into new read models and put them in the place of the old ones, also beside a running server."""
    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        answer = _rebuild(settings.read_place(workspace), log, projection)
    emit(as_json, {"workspace": workspace, **answer}, lambda: _render(answer))
    if answer["failed"]:
        raise typer.Exit(FAILED)


def _rebuild(path: Any, log: EventLog, wanted: list[str] | None) -> dict[str, Any]:
    from projections import all_projections
    from projections.engine.store import ReadStore

    every = all_projections()
    names = wanted or [one.NAME for one in every]
    unknown = sorted(set(names) - {one.NAME for one in every})
    if unknown:
        known = ", ".join(one.NAME for one in every)
        stop(USAGE, f"There is no projection {', '.join(unknown)}.", f"Known are: {known}.")
    began = time.monotonic()
    store = ReadStore(path)
    try:
        events = sum(_build(store, log, one) for one in every if one.NAME in names)
        return {"rebuilt": names, "events": events, "seconds": round(time.monotonic() - began, 3), **_status(store)}
    finally:
        store.close()


def _build(store: ReadStore, log: EventLog, projection: Projection) -> int:
    """How many events went into it."""
    import events  # noqa: F401  # registers every topic
    from projections import Rebuild
    from vapora.log.mapper import LazyRecord
    from vapora.records import is_full

    topics, count = tuple(sorted(projection.TOPICS or ())), 0
    rebuild = Rebuild.begin(store, projection)
    checkpoint = rebuild.checkpoint()
    while checkpoint is not None and checkpoint.failure is None:
        head = log.head()
        records = log.after(checkpoint.position, _BATCH, topics, head)
        batch = [LazyRecord(record) for record in records]
        until = batch[-1].position if is_full(records, _BATCH) else head
        checkpoint = rebuild.feed(batch, until)
        count += len(batch)
        if until == head and rebuild.switch():
            break
        if until == head and _is_ahead(store, log):
            stop(
                FAILED,
                f"The read models are further than the log, which ends at {log.head():,}: it was put back to a backup.",
                f"With nothing running delete {store.place}; it is built again at the next start.",
            )
    return count


def _is_ahead(store: ReadStore, log: EventLog) -> bool:
    """Rows of events that the log does not hold."""
    with store.snapshot() as rows:
        position = rows.position
    return position > log.head()


def _status(store: ReadStore) -> dict[str, Any]:
    from projections.engine.runner import status

    with store.snapshot() as rows:
        return status(rows, rows.checkpoints())


def _render(answer: dict[str, Any]) -> RenderableType:
    shown = table("", "projection", "position", "state", right=("position",))
    for name, position in answer["checkpoints"].items():
        failed = answer["failed"].get(name)
        state = f"failed at {failed}" if failed else "rebuilt" if name in answer["rebuilt"] else "as it was"
        shown.add_row(cell(name), f"{position:,}", cell(state))
    rate = answer["events"] / answer["seconds"] if answer["seconds"] else 0
    return Group(shown, f"{answer['events']:,} events in {answer['seconds']:.1f} s ({rate:,.0f} a second)")
