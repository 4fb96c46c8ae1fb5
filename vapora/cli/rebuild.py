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
    from vapora.settings import Settings

# A server on the same data waits for no longer than a batch takes to be written.
_BATCH = 2_000
SEARCH = "search"


def rebuild(
    projection: Annotated[list[str] | None, typer.Argument(metavar="[PROJECTION]...", help="Absent: all.")] = None,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Fold the log into new read models and put them in the place of the old ones, also beside a running server."""
    settings = settings_for(data)
    with open_log(settings, workspace) as log:
        names = list(projection or ())
        answer = _rebuild(
            settings.read_place(workspace), log, [one for one in names if one != SEARCH] if names else None
        )
        if not names or SEARCH in names:
            answer["search"] = _rebuild_search(settings, workspace, log)
    emit(as_json, {"workspace": workspace, **answer}, lambda: _render(answer))
    if answer["failed"]:
        raise typer.Exit(FAILED)


def _rebuild(path: Any, log: EventLog, wanted: list[str] | None) -> dict[str, Any]:
    from projections import all_projections
    from projections.engine.store import ReadStore

    every = all_projections()
    names = [one.NAME for one in every] if wanted is None else wanted
    unknown = sorted(set(names) - {one.NAME for one in every})
    if unknown:
        known = ", ".join((*(one.NAME for one in every), SEARCH))
        stop(USAGE, f"There is no projection {', '.join(unknown)}.", f"Known are: {known}.")
    began = time.monotonic()
    store = ReadStore(path)
    try:
        events = sum(_build(store, log, one) for one in every if one.NAME in names)
        return {"rebuilt": names, "events": events, "seconds": round(time.monotonic() - began, 3), **_status(store)}
    finally:
        store.close()


def _rebuild_search(settings: Settings, workspace: str, log: EventLog) -> dict[str, Any]:
    """The search index, beside the one that is looked at. What it has of code comes back when the workspace runs."""
    import events  # noqa: F401  # registers every topic
    from vapora.blobs import blobs_of
    from vapora.log.mapper import open_record
    from vapora.records import is_full
    from vapora.search import IndexWriter, take_in, topics

    began, count = time.monotonic(), 0
    texts = blobs_of(settings, workspace).text
    wanted = topics()
    with IndexWriter(settings.search_place(workspace)) as writer:
        generation = writer.begin_rebuild()
        while True:
            head = log.head()
            after = writer.reached(generation)
            records = log.after(after, _BATCH, wanted, head)
            with writer.batch(texts, generation) as batch:
                take_in(batch, map(open_record, records))
            count += len(records)
            if is_full(records, _BATCH):
                continue
            if writer.switch(generation):
                break
            if writer.position()[0] > head:
                stop(
                    FAILED,
                    f"The search index is further than the log, which ends at {head:,}: it was put back to a backup.",
                    "Start the workspace: it is then built again by itself.",
                )
    return {"events": count, "seconds": round(time.monotonic() - began, 3)}


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
    search = answer.get("search")
    lines = [] if search is None else [f"search: {search['events']:,} events in {search['seconds']:.1f} s"]
    return Group(*lines, shown, f"{answer['events']:,} events in {answer['seconds']:.1f} s ({rate:,.0f} a second)")
