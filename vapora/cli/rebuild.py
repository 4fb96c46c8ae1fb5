"""`vapora rebuild`: the read models anew, from the log alone."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from vapora.cli.offline import Data, Workspace, alone, open_log, pages, settings_for
from vapora.cli.output import FAILED, USAGE, Json, cell, emit, stop, table


def rebuild(
    projection: Annotated[list[str] | None, typer.Argument(metavar="[PROJECTION]...", help="Absent: all.")] = None,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Drop read models and fold the log into them again. Refused while a server is running on the same data."""
    settings = settings_for(data)
    with open_log(settings, workspace) as log, alone(settings, workspace):
        answer = _rebuild(settings.read_place(workspace), log, projection)
    emit(as_json, {"workspace": workspace, **answer}, lambda: _told(answer))
    if answer["failed"]:
        raise typer.Exit(FAILED)


def _rebuild(place: Any, log: Any, wanted: list[str] | None) -> dict[str, Any]:
    from projections import all_projections
    from projections.runner import Runner
    from projections.store import ReadStore

    every = all_projections()
    names = wanted or [one.NAME for one in every]
    unknown = sorted(set(names) - {one.NAME for one in every})
    if unknown:
        known = ", ".join(one.NAME for one in every)
        stop(USAGE, f"There is no projection {', '.join(unknown)}.", f"Known are: {known}.")
    began, count = time.monotonic(), 0
    store = ReadStore(place)
    try:
        runner = Runner(store, every)
        for name in names:
            runner.rebuild(name)
        for page in pages(log, after=runner.position):
            runner.apply(page, frames_wanted=False)
            count += len(page)
        status = runner.status()
    finally:
        store.close()
    return {"rebuilt": names, "events": count, "seconds": round(time.monotonic() - began, 3), **status}


def _told(answer: dict[str, Any]) -> RenderableType:
    shown = table("", "projection", "position", "state", right=("position",))
    for name, position in answer["checkpoints"].items():
        failed = answer["failed"].get(name)
        state = f"failed at {failed}" if failed else "rebuilt" if name in answer["rebuilt"] else "up to date"
        shown.add_row(cell(name), f"{position:,}", cell(state))
    rate = answer["events"] / answer["seconds"] if answer["seconds"] else 0
    return Group(shown, f"{answer['events']:,} events in {answer['seconds']:.1f} s ({rate:,.0f} a second)")
