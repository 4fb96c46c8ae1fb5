"""`vapora search`: find tasks, runs, documents, comments and code."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vapora.cli.names import project_id
from vapora.cli.output import Json, emit
from vapora.cli.remote import connect
from vapora.unicode import one_line
from vapora.views import FoundItem, SearchAnswer, SearchMode


def search(
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help="Words; a phrase in quotes, begin*, and after --, -without."),
    ],
    kind: Annotated[
        list[str] | None, typer.Option(help="Only task, run, document, comment or code; may be given again.")
    ] = None,
    project: Annotated[str | None, typer.Option(help="Of this project: its name, or the beginning of its id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    mode: Annotated[str, typer.Option(help="text: by the words; vectors: by what it is about; both.")] = "both",
    as_json: Json = False,
) -> None:
    """Find what was asked for, said, done and written, the best first."""
    with connect() as client:
        of = None if project is None else project_id(client, project)
        found = client.search(" ".join(query), tuple(kind or ()), of, limit, cast(SearchMode, mode))
    emit(as_json, found, lambda: _drawn(found))


def _drawn(found: SearchAnswer) -> RenderableType:
    lines: list[RenderableType] = [
        Text(f"Nothing holds '{one_line(word)}'; looked for {', '.join(meant)}.", style="yellow")
        for word, meant in found.corrected.items()
    ]
    if found.reason:
        lines.append(Text(f"By the words alone: {one_line(found.reason)}", style="yellow"))
    lines += [_line(item) for item in found.items]
    return Group(*lines) if lines else Text("Nothing was found.")


def _line(item: FoundItem) -> Text:
    line = Text(f"{item.kind:<9}", style="cyan")
    line.append(one_line(item.title), style="bold").append(f"  {one_line(item.id)}\n", style="dim")
    line.append(" " * 9)
    for part in item.parts:
        line.append(one_line(part.text), style="bold yellow" if part.hit else "")
    return line
