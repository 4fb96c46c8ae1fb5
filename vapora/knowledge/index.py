"""Which index of texts says what is alike."""

from __future__ import annotations

from vapora.knowledge.executions import Likeness
from vapora.settings import Settings


def likeness(settings: Settings, workspace: str) -> Likeness | None:
    """None: there is no index."""
    return None
