"""Vectors of new entries, by the model that is looked at, if it was learned here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vapora.search.learning import fill, live
from vapora.search.provided import is_of_provider
from vapora.search.writer import IndexWriter

if TYPE_CHECKING:
    from vapora.search.latent import Latent


class LiveModel:
    """Keeps the model, and sees when another is looked at. Used by one thread."""

    def __init__(self) -> None:
        self._known: tuple[int, str] | None = None
        self._model: Latent | None = None

    def embed(self, writer: IndexWriter, numbers: Sequence[int]) -> None:
        """Nothing while there is no model: whoever learns one gives all their vectors."""
        if not numbers:
            return
        with writer.open() as (session, g):
            row = session.execute(f"SELECT name FROM models_{g} WHERE live = 1").fetchone()
            if row is None or is_of_provider(str(row[0])):
                return
            if self._known != (g, row[0]) and (found := live(session, g)) is not None:
                self._known, self._model = (g, found[0]), found[1]
            if self._model is not None:
                for start in range(0, len(numbers), 500):
                    fill(session, g, str(row[0]), self._model, numbers[start : start + 500])
