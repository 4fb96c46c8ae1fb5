"""What every read shape is made of."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def __str__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str | None:
        return html_of(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


@singledispatch
def html_of(shown: View) -> str | None:
    """How a notebook shows it; None: as its text. Who shows things to people registers how (`vapora.sdk.show`)."""
    return None


@singledispatch
def text_of(shown: View) -> str:
    """How it is printed for people. `repr` names every field."""
    return BaseModel.__str__(shown)


class Stored(View):
    """A text that is too large to stand here: `GET /runs/{id}/content/{sha256}` has it. `bytes`: of UTF-8."""

    sha256: str
    bytes: int
