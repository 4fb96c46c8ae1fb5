"""`vapora board`: the columns as they stand now, or stood once."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from vapora.cli.names import ProjectName, project_id
from vapora.cli.output import At, Json, cell, clip, dollars, emit, table
from vapora.cli.remote import connect
from vapora.views import Board, TaskCard


def board(
    project: ProjectName = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """The board."""
    with connect() as client:
        seen = client.board(project_id(client, project) if project else None, at)
    emit(as_json, seen, lambda: draw(seen))


def draw(seen: Board) -> RenderableType:
    cards = [card for column in seen.columns.values() for card in column]
    parts: list[RenderableType] = []
    for state, column in seen.columns.items():
        more = " or more, the newest shown" if state in seen.truncated else ""
        parts.append(Text.assemble((state, "bold"), f"  {len(column)}{more}"))
        if column:
            parts.append(_column(column))
    simulated = " · money with * is simulated" if any(card.simulated for card in cards) else ""
    return Group(*parts, f"position {seen.position}{simulated}")


def _column(cards: tuple[TaskCard, ...]) -> RenderableType:
    shown = table("", "id", "agent", "cost", "title", right=("cost",), fixed=("id",))
    shown.show_header = False
    for card in cards:
        title = clip(card.title, 70)
        if card.waiting:
            title += f" — waits for {card.waiting.reason.value}: {card.waiting.remedy}"
        cost = dollars(card.cost_microusd) + ("*" if card.simulated else "")
        shown.add_row(cell(card.id), cell(card.assigned_agent or ""), cost, cell(title))
    return shown
