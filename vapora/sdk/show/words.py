"""How money, states and spans of time are written, for people."""

from __future__ import annotations

from datetime import datetime

from events.ids import TaskState

_MICRO = 1_000_000
_COLUMNS = {
    TaskState.TODO: "To do",
    TaskState.IN_PROGRESS: "In progress",
    TaskState.REVIEW: "Review",
    TaskState.DONE: "Done",
    TaskState.FAILED: "Failed",
    TaskState.ARCHIVED: "Archived",
}


def money(microusd: int, simulated: bool = False) -> str:
    """Exactly, with two decimal places at least: $0.0123. Money that nobody spent says so."""
    whole, part = divmod(abs(microusd), _MICRO)
    amount = f"{'-' if microusd < 0 else ''}${whole:,}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"
    return f"{amount} simulated" if simulated else amount


def cents(amount: int | None) -> str:
    return "no limit" if amount is None else f"${amount // 100:,}.{amount % 100:02d}"


def column(state: TaskState | str) -> str:
    """The heading of a column, as the board in the browser has it."""
    return _COLUMNS[TaskState(state)]


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
