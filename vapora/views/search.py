"""What is found."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.base import View

SearchMode = Literal["text", "vectors", "both"]


class SnippetPart(View):
    """Plain text, however it looks: show it as text. `hit`: whether it is what was looked for."""

    text: str
    hit: bool


class FoundItem(View):
    """`snippet` is the part of its text that shows why it was found, as plain text; `parts` are the same in pieces.
    `score` is only to be compared within one answer."""

    kind: str
    id: str
    title: str
    snippet: str
    parts: tuple[SnippetPart, ...]
    score: float
    project_id: str | None
    task_id: str | None
    at: datetime
    link: str


class SearchAnswer(View):
    """`corrected`: words that nothing holds, and those that were looked for instead. `mode`: how it was looked for,
    which is `text` where the workspace has no vectors; `reason` says why, where a provider's are wanted."""

    items: tuple[FoundItem, ...]
    next: str | None = None
    corrected: dict[str, tuple[str, ...]]
    mode: SearchMode
    reason: str = ""
    position: int
