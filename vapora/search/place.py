"""Which engine stands behind a place."""

from __future__ import annotations

from pathlib import Path

from vapora.database import Database, Place
from vapora.search.session import Engine
from vapora.search.sqlite import File


def engine(place: Place | str) -> Engine:
    if isinstance(place, Database):
        from vapora.search.postgres import Schema  # takes 0.2 s, which only who uses it shall pay

        return Schema(place)
    return File(Path(place))
