"""The forms that values in paths, queries and headers take: what the document says of them is what is checked."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator, Field

from vapora.commands import INSTANT, Label

LARGEST_POSITION = 2**63 - 1
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)(\.0+)?")
_FLAGS = {"true": True, "false": False}
POSITION = r"(0|[1-9][0-9]{0,18})"


def _whole(value: Any) -> Any:
    """As JSON writes a whole number. Pydantic alone would take `1_000` and ` 5` as well."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


def _flag(value: Any) -> Any:
    """Pydantic alone would take `yes`, `on` and `1` as well."""
    if isinstance(value, str):
        if value.lower() not in _FLAGS:
            raise ValueError("must be true or false")
        return _FLAGS[value.lower()]
    return value


# Behind the bounds: in front of them they would not stand in the document.
WHOLE = BeforeValidator(_whole)
Flag = Annotated[bool, BeforeValidator(_flag)]
Position = Annotated[int, Field(ge=0, le=LARGEST_POSITION), WHOLE]

Days = Annotated[int, Field(ge=1, le=366), WHOLE, Query(description="How many days (UTC), up to today.")]

# Their patterns are checked by `vapora.api.as_of`, whose refusals say what to send.
Instant = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": f"^{INSTANT}$"})] | None,
    Query(
        description="An instant such as 2026-11-22T10:00:00Z, or a day; without a zone, UTC.",
        max_length=60,
        examples=["2026-11-22T10:00:00Z"],
    ),
]
At = Annotated[
    Annotated[str, Field(json_schema_extra={"pattern": f"^({POSITION}|{INSTANT})$"})] | None,
    Query(
        description="A position, or an instant such as 2026-11-22T10:00:00Z: the answer as it was then. "
        "What is yet to come is refused.",
        max_length=60,
        examples=["1200", "2026-11-22T10:00:00Z"],
    ),
]
LabelFilter = Annotated[Label | None, Query(description="That bear this label only.", examples=["mobile"])]
# `next` of a page whose order is that of positions.
PositionCursor = Annotated[
    str | None, Query(description="`next` of the page before.", pattern=r"^[0-9]{1,18}$", examples=["1200"])
]
