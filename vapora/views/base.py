"""What every read shape is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stored(View):
    """A text that is too large to stand here: `GET /runs/{id}/content/{sha256}` has it. `bytes`: of UTF-8."""

    sha256: str
    bytes: int
