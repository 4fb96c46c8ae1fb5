"""What texts are about, as vectors."""

from __future__ import annotations

from vapora.domain.search import Allowed
from vapora.search.session import Session


class VectorCache:
    def nearest(
        self, session: Session, g: int, text: str, allowed: Allowed, limit: int
    ) -> list[tuple[int, float]] | None:
        return None
