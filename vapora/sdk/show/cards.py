"""Cards and boards."""

from __future__ import annotations

from events.ids import ChecksVerdict, TaskState
from vapora import views
from vapora.sdk.show.html import BAD, GOOD, MILD, Html, badge, box, el
from vapora.sdk.show.words import column, money, shortened
from vapora.unicode import printable

# A column of a board is not made longer than a screen.
_MOST_CARDS = 12
_LONGEST_TITLE = 90
_COLOURS = {TaskState.DONE: GOOD, TaskState.FAILED: BAD, TaskState.REVIEW: "#9a6700", TaskState.IN_PROGRESS: "#0969da"}


def card_html(card: views.BoardCard) -> Html:
    head = el("div", el("b", card.title), " ", badge(column(card.state), _COLOURS.get(card.state, MILD)))
    parts: list[object] = [head, el("div", *_facts(card), style="font-size:90%;opacity:.8")]
    if card.waiting is not None:
        parts.append(el("div", f"Waits for {card.waiting.reason.value}: {card.waiting.remedy}"))
    if card.doing:
        parts.append(el("div", "Now: ", el("code", card.doing)))
    if card.question is not None:
        parts.append(el("div", el("b", "Asks: "), card.question.text))
    if card.comment:
        parts.append(el("div", el("i", shortened(card.comment, 300))))
    if isinstance(card, views.TaskCard) and card.description:
        parts.append(el("div", shortened(card.description, 600), style="white-space:pre-wrap;margin-top:.3em"))
    return box(*parts, style="max-width:46em")


def _facts(card: views.BoardCard) -> tuple[object, ...]:
    said = [card.id, card.task_type, f"priority {card.priority}"]
    if card.assigned_agent:
        said.append(f"by {card.assigned_agent}")
    if card.checks is not None:
        said.append("checks " + card.checks.value)
    if card.landed is not None:
        said.append(f"landed as {card.landed.oid[:9]}")
    elif card.branch:
        said.append(f"on {card.branch}")
    said += [f"{len(card.runs)} run{'' if len(card.runs) == 1 else 's'}", money(card.cost_microusd, card.simulated)]
    said += [f"#{label}" for label in card.labels]
    return (" · ".join(said),)


def board_html(board: views.Board) -> Html:
    columns = [_column(board, name, cards) for name, cards in board.columns.items()]
    paused = [f"{one.scope} paused: {one.reason or 'nothing starts'}" for one in board.paused]
    head = [f"Board at position {board.position}", *paused]
    return el(
        "div",
        el("div", " · ".join(head), style="opacity:.8;font-size:85%"),
        el("div", *columns, style="display:flex;gap:.6em;align-items:flex-start;overflow-x:auto"),
    )


def _column(board: views.Board, name: str, cards: tuple[views.BoardCard, ...]) -> Html:
    count = board.counts.get(name, len(cards))
    shown = [_small(card) for card in cards[:_MOST_CARDS]]
    more = count - len(shown)
    rest = [el("div", f"and {more} more", style="opacity:.7;font-size:85%")] if more > 0 else []
    title = el("div", el("b", column(name)), f" {count}")
    return el("div", title, *shown, *rest, style="flex:1 1 0;min-width:9em")


def _small(card: views.BoardCard) -> Html:
    said = [card.assigned_agent or card.task_type, money(card.cost_microusd, card.simulated)]
    if card.waiting is not None:
        said.append(f"waits for {card.waiting.reason.value}")
    if card.checks is ChecksVerdict.RED:
        said.append("checks failed")
    facts = el("div", " · ".join(said), style="opacity:.75;font-size:80%")
    return box(shortened(card.title, _LONGEST_TITLE), facts, style="padding:.3em .5em")


def card_text(card: views.BoardCard) -> str:
    lines = [f"{card.title} [{column(card.state)}]", *(str(one) for one in _facts(card))]
    if card.waiting is not None:
        lines.append(f"waits for {card.waiting.reason.value}: {card.waiting.remedy}")
    if card.doing:
        lines.append(f"now: {card.doing}")
    if card.question is not None:
        lines.append(f"asks: {card.question.text}")
    if card.comment:
        lines.append(card.comment)
    return printable("\n  ".join(lines))


def board_text(board: views.Board) -> str:
    lines = [f"Board at position {board.position}"]
    for name, cards in board.columns.items():
        count = board.counts.get(name, len(cards))
        lines.append(f"{column(name)} ({count})")
        for card in cards[:_MOST_CARDS]:
            said = [shortened(card.title, _LONGEST_TITLE), card.assigned_agent or card.task_type]
            lines.append("  " + " · ".join([*said, money(card.cost_microusd, card.simulated)]))
        if (more := count - min(len(cards), _MOST_CARDS)) > 0:
            lines.append(f"  and {more} more")
    return printable("\n".join(lines))
