"""What the other side says, in one form for all trackers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

IssueState = Literal["open", "closed"]
PullState = Literal["open", "closed", "merged"]


def digest(*parts: object) -> str:
    """Short, and the same for the same content."""
    return sha256(json.dumps(parts, ensure_ascii=False, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RemoteIssue:
    """`number`: `7`, or `APP-7`. `priority` and `type`: as the tracker names them, empty where it knows none.
    `is_pull`: GitHub's issues are also its pull requests."""

    number: str
    title: str
    body: str
    url: str
    state: IssueState
    author: str
    labels: tuple[str, ...] = ()
    priority: str = ""
    type: str = ""
    updated_at: datetime | None = None
    is_pull: bool = False

    @property
    def digest(self) -> str:
        """Of what a card takes from it, its state apart."""
        return digest(self.title, self.body, sorted(self.labels), self.priority, self.type)


@dataclass(frozen=True, slots=True)
class RemoteComment:
    """`thing`: see `events.tracker.Thing`. `path`, `line`: of a comment on a line. `verdict`: of a review, such as
    `approved`."""

    id: str
    text: str
    author: str
    url: str = ""
    thing: Literal["comment", "review", "line"] = "comment"
    path: str = ""
    line: int | None = None
    verdict: str = ""
    created_at: datetime | None = None

    @property
    def key(self) -> str:
        """Ids of comments, reviews and lines are numbered apart."""
        return f"{self.thing}/{self.id}"

    @property
    def digest(self) -> str:
        return digest(self.text, self.path, self.line, self.verdict)


@dataclass(frozen=True, slots=True)
class RemotePull:
    """`head`: the commit that it proposes; `merged_as`: the commit that it became."""

    number: str
    url: str
    title: str
    state: PullState
    branch: str
    head: str
    base: str
    author: str = ""
    merged_as: str = ""
    merged_by: str = ""

    @property
    def digest(self) -> str:
        return digest(self.state, self.head, self.merged_as)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of an issue brings; what is not named stays."""

    title: str | None = None
    body: str | None = None
    labels: tuple[str, ...] | None = None

    def as_json(self) -> Mapping[str, object]:
        said = {"title": self.title, "body": self.body, "labels": None if self.labels is None else list(self.labels)}
        return {name: value for name, value in said.items() if value is not None}
