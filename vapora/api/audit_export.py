"""The audit trail as a file: CSV for a spreadsheet, JSON lines for programs."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any, Literal

from vapora.views import AuditEntry

Form = Literal["csv", "jsonl"]
MEDIA_TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
_COLUMNS = tuple(AuditEntry.model_fields)
# A spreadsheet takes a cell that begins so for a formula, and entries hold what models and strangers wrote.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def lines(form: Form, pages: AsyncIterator[tuple[AuditEntry, ...]]) -> AsyncIterator[bytes]:
    """A page at a time. A CSV begins with the names of its columns."""
    if form == "csv":
        yield _csv([_COLUMNS])
    async for page in pages:
        if form == "csv":
            yield _csv([[_cell(value) for value in one.model_dump(mode="json").values()] for one in page])
        else:
            yield "".join(f"{one.model_dump_json()}\n" for one in page).encode()


def _csv(rows: list[Any]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """With an apostrophe before what a spreadsheet would carry out."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
