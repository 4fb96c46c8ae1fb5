"""`vapora audit list`: who did what to what, when, and how it came out."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from vapora.cli.offline import Workspace, open_log, pages, settings_for
from vapora.cli.output import Json, cell, clip, emit, local, parse_instant, table
from vapora.cli.remote import connect
from vapora.cli.source import Data, data_to_read
from vapora.views import AuditEntry, AuditFilter


def entries(
    actor: Annotated[str | None, typer.Option(help="Who did it, as user:local.")] = None,
    action: Annotated[str | None, typer.Option(help="create, update, delete, execute, assign, complete …")] = None,
    resource: Annotated[str | None, typer.Option(help="A kind, as task, or one: task:task-1.")] = None,
    since: Annotated[str | None, typer.Option(help="From this instant on; UTC without a zone.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this instant.")] = None,
    text: Annotated[str | None, typer.Option(help="A part of anything said, in any case.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """The audit trail, the newest first."""
    wanted = AuditFilter(
        actor=actor,
        action=action,
        resource=resource,
        since=parse_instant(since) if since else None,
        until=parse_instant(until) if until else None,
        text=text,
    )
    folder = data_to_read(data, workspace)
    if folder is None:
        with connect(workspace) as client:
            found = tuple(islice(client.audit(limit=limit, **dict(wanted)), limit))
    else:
        found = _folded(folder, workspace, limit, wanted)
    emit(as_json, {"items": found}, lambda: _render(found))


def _folded(data: Path, workspace: str, limit: int, wanted: AuditFilter) -> tuple[AuditEntry, ...]:
    """From the log alone, by the server's own projection; the read models may be behind, or gone."""
    from projections import MemoryRows
    from projections import audit as model

    rows, projection = MemoryRows(), model.Audit()
    with open_log(settings_for(data), workspace) as log:
        for page in pages(log):
            rows.fold(projection, page)
    return model.entries(rows, wanted, limit=limit)


def _render(found: tuple[AuditEntry, ...]) -> RenderableType:
    shown = table("", "position", "when", "who", "action", "what", "result", "details", right=("position",))
    for one in found:
        what = f"{one.resource_type}:{one.resource_id}"
        words = (local(one.timestamp), one.actor, one.action, what, one.result, clip(one.details, 60))
        shown.add_row(str(one.position), *map(cell, words))
    return shown if found else "Nothing of that kind happened."
