"""What was sent to webhooks and channels, as commands show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.console import RenderableType

from vapora.cli.output import USAGE, cell, local, stop, table
from vapora.views import ChannelDelivery, DeliveryState, WebhookDelivery

_STATES: dict[str, DeliveryState] = {"pending": "pending", "delivered": "delivered", "dead": "dead"}


class _Outcome(Protocol):
    @property
    def error(self) -> str: ...


def state_of(option: str | None) -> DeliveryState | None:
    """What `--state` says; wrong usage where there is no such state."""
    if option is not None and option not in _STATES:
        stop(USAGE, f"There is no state {option!r} of a delivery.", f"There are: {', '.join(_STATES)}.")
    return None if option is None else _STATES[option]


def refused(outcome: _Outcome) -> str:
    return f"It did not arrive: {cell(outcome.error)}."


def drawn(found: Sequence[WebhookDelivery | ChannelDelivery]) -> RenderableType:
    if not found:
        return "Nothing was sent to it yet."
    shown = table("Deliveries", "position", "topic", "state", "attempts", "last", "what was wrong", right=("attempts",))
    for one in found:
        last = local(one.updated_at) if one.attempts else "–"
        shown.add_row(str(one.position), cell(one.topic), one.state, str(one.attempts), last, cell(one.error))
    return shown
