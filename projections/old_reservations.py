"""Whose a settlement is, also where it does not say so.

Since version 2 of `SpendReserved`, what closes a reservation says whose it was. What an older VAPORA wrote names the
call alone, and no upcast can know the rest: for these, and for these only, the reservation is kept until it is closed.
Whoever writes version 2 never writes a settlement of the older kind, so in a log that began with it nothing is kept.
Of a log that is older, the few calls stay that were open when the newer version took over.
"""

from __future__ import annotations

from typing import NamedTuple

from events import Recorded
from events.budget import Charge, ReservationClosed, SpendReserved, Windows
from events.ids import Provider
from projections.engine.base import Rows, Table

_SAYS_WHOSE = 2


class Reservation(NamedTuple):
    """Whose money was held for a call."""

    charge: Charge
    provider: Provider
    model: str
    reserved_microusd: int
    windows: Windows
    simulated: bool


class OldReservations:
    """Those that one projection keeps. It has to have `table`, and `keep` as a handler of `SpendReserved`."""

    def __init__(self, projection: str) -> None:
        self.table = Table(
            f"{projection}_old_reservations",
            key=("call_id", "attempt"),
            columns={"call_id": "text", "attempt": "int", "reserved": "json"},
        )

    def keep(self, recorded: Recorded, event: SpendReserved, rows: Rows) -> None:
        """Only one that may be closed without a word of whose it is."""
        if (recorded.topic_version or SpendReserved.VERSION) < _SAYS_WHOSE:
            reserved = event.model_dump(mode="json")
            rows.put(self.table, {"call_id": event.call_id, "attempt": event.attempt, "reserved": reserved})

    def closed_by(self, event: ReservationClosed, rows: Rows) -> Reservation | None:
        """The reservation that the event closes; None where an old one names a call that was never reserved."""
        if event.provider and event.reserved_microusd is not None and event.windows and event.simulated is not None:
            held = event.reserved_microusd
            return Reservation(event.charge, event.provider, event.model, held, event.windows, event.simulated)
        key = (event.call_id, event.attempt)
        row = rows.get(self.table, key)
        if row is None:
            return None
        rows.delete(self.table, key)
        old = SpendReserved.model_validate(row["reserved"])
        return Reservation(old.charge, old.provider, old.model, old.amount_microusd, old.windows, old.simulated)
