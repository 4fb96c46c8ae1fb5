"""Money is an integer of micro-dollars, never a float: 1 cent is 10,000."""

from __future__ import annotations

from typing import Annotated, NewType

from pydantic import Field

MicroUsd = NewType("MicroUsd", int)
Amount = Annotated[MicroUsd, Field(strict=True, ge=0)]

MICROUSD_PER_CENT = 10_000


def cents(amount: int) -> MicroUsd:
    """Whole cents as micro-dollars."""
    return MicroUsd(amount * MICROUSD_PER_CENT)
