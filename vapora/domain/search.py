"""What is found, and by whom: entries of an index, what somebody may see of it, and how hits are ranked.

Nothing here knows how an index keeps its entries (`vapora.search`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import exp
from typing import Final, Literal

KINDS: Final = ("task", "run", "document", "comment", "code")
Mode = Literal["text", "vectors", "both"]
MODES: Final[tuple[Mode, ...]] = ("text", "vectors", "both")
# What an entry keeps of its text, in characters: a document's or a file's beginning is what it is found by.
MOST_TEXT: Final = 65_536
MOST_TITLE: Final = 500
# Of a question: its characters, and the words that are looked for.
MOST_QUERY: Final = 400

# What text alone says is weighed by what it is the text of. A card stands for its work, and is what people look for;
# a line of code or of talk mentions much.
KIND_WEIGHT: Final = {"task": 1.2, "document": 1.15, "run": 1.0, "comment": 0.9, "code": 0.9}
# What is new counts up to so much more, less and less with this time constant.
RECENCY: Final = 0.25
RECENCY_DAYS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Entry:
    """What can be found. `(kind, id)` is its key. `project_id` empty: it belongs to the whole workspace. `task_id`: the
    card that it is about, if any. `link`: its page in the browser. `position`: of the event that it is of. `source`:
    what it was made of, as a blob's id in git, to tell whether that has changed."""

    kind: str
    id: str
    project_id: str
    title: str
    text: str
    at: datetime
    task_id: str = ""
    link: str = ""
    position: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """Of a snippet: plain text, and whether it is what was looked for."""

    text: str
    hit: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """`score`: only to be compared within one answer."""

    kind: str
    id: str
    project_id: str
    task_id: str
    title: str
    snippet: tuple[Piece, ...]
    score: float
    at: datetime
    link: str

    @property
    def snippet_text(self) -> str:
        return "".join(piece.text for piece in self.snippet)


@dataclass(frozen=True, slots=True)
class Found:
    """`corrected`: words of the question that nothing holds, and those that were looked for instead. `mode`: how it was
    looked for, which is `text` where there are no vectors. `position`: how far the index was."""

    hits: tuple[Hit, ...]
    corrected: Mapping[str, tuple[str, ...]]
    mode: Mode
    position: int


# Kind → projects whose entries somebody may see, where "" stands for what belongs to the whole workspace; None: all.
# A kind that is absent is not looked at.
Allowed = Mapping[str, frozenset[str] | None]


def everything() -> Allowed:
    """For the system itself, and for whoever may see all of the workspace."""
    return dict.fromkeys(KINDS)


def of_project(project_id: str) -> Allowed:
    """For an agent at work: its project, and what belongs to the whole workspace."""
    return dict.fromkeys(KINDS, frozenset({project_id, ""}))


def narrowed(allowed: Allowed, kinds: tuple[str, ...] = (), project_id: str | None = None) -> Allowed:
    """What is left of it for a question about some kinds, or one project: never more than it was."""
    left = {kind: projects for kind, projects in allowed.items() if not kinds or kind in kinds}
    if project_id is None:
        return left
    only = frozenset({project_id})
    return {kind: only if projects is None else projects & only for kind, projects in left.items()}


def boosted(relevance: float, kind: str, age_days: float) -> float:
    """A text's relevance (more is better, at least 0) with what its kind and its age add. `age_days`: of what lies in
    the future it is 0."""
    recency = 1 + RECENCY * exp(-max(age_days, 0.0) / RECENCY_DAYS)
    return relevance * KIND_WEIGHT.get(kind, 1.0) * recency
