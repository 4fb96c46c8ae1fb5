"""`vapora board`: the columns as they stand now, or stood once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from events.ids import TaskState
from vapora.cli.output import At, Json, cell, clip, dollars, emit, table
from vapora.cli.remote import connect
from vapora.views import Board, BoardCard


class Column(StrEnum):
    TODO = TaskState.TODO
    IN_PROGRESS = TaskState.IN_PROGRESS
    REVIEW = TaskState.REVIEW
    DONE = TaskState.DONE
    FAILED = TaskState.FAILED


def board(
    project: Annotated[str | None, typer.Option(help="Only this project's cards.")] = None,
    column: Annotated[Column | None, typer.Option(help="Only this column, with all of its cards.")] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """The board: the first 200 cards of each column, and how many there are."""
    state = None if column is None else TaskState(column)
    with connect() as client:
        seen = client.board(project, at, column=state)
        if state is not None:
            # Of one moment, however many pages it takes.
            cards = tuple(client.column_cards(state, project, seen.position if at is None else at))
            everything = {"columns": {state.value: cards}, "next": {state.value: None}, "truncated": ()}
            seen = seen.model_copy(update=everything)
    emit(as_json, seen, lambda: draw(seen))


def draw(seen: Board) -> RenderableType:
    cards = [card for column in seen.columns.values() for card in column]
    parts: list[RenderableType] = []
    for state, column in seen.columns.items():
        total = seen.counts.get(state, len(column))
        parts.append(f"[bold]{state}[/bold]  {total:,}")
        if column:
            parts.append(_column(column))
        if total > len(column):
            parts.append(f"   and {total - len(column):,} more: vapora board --column {state}")
    simulated = " · money with * is simulated" if any(card.simulated for card in cards) else ""
    return Group(*parts, f"position {seen.position}{simulated}")


def _column(cards: tuple[BoardCard, ...]) -> RenderableType:
    shown = table("", "id", "agent", "cost", "title", right=("cost",), fixed=("id",))
    shown.show_header = False
    for card in cards:
        title = clip(card.title, 70)
        if card.waiting:
            title += f" — waits for {card.waiting.reason.value}: {card.waiting.remedy}"
        cost = dollars(card.cost_microusd) + ("*" if card.simulated else "")
        shown.add_row(cell(card.id), cell(card.assigned_agent or ""), cost, cell(title))
    return shown
