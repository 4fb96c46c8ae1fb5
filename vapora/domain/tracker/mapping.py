"""Words of one side in words of the other: kinds of work, priorities, labels."""

from __future__ import annotations

import re
from collections.abc import Iterable

from events.ids import BoardType
from vapora.domain.tracker.marker import without
from vapora.domain.tracker.remote import RemoteIssue

_LONGEST_TITLE = 500
_LONGEST_TEXT = 90_000
_MOST_LABELS = 20

# By the names that the trackers ship with, and those that people commonly give.
_TYPES = {
    "bug": BoardType.BUGFIX,
    "bugfix": BoardType.BUGFIX,
    "defect": BoardType.BUGFIX,
    "regression": BoardType.BUGFIX,
    "enhancement": BoardType.ENHANCEMENT,
    "improvement": BoardType.ENHANCEMENT,
    "refactoring": BoardType.TECH_DEBT,
    "tech-debt": BoardType.TECH_DEBT,
    "technical debt": BoardType.TECH_DEBT,
    "chore": BoardType.TECH_DEBT,
    "feature": BoardType.FEATURE,
    "story": BoardType.FEATURE,
    "new feature": BoardType.FEATURE,
}
_PRIORITIES = {
    "blocker": 100,
    "highest": 95,
    "critical": 95,
    "p0": 95,
    "urgent": 90,
    "high": 75,
    "major": 75,
    "p1": 75,
    "medium": 50,
    "normal": 50,
    "p2": 50,
    "low": 25,
    "minor": 25,
    "p3": 25,
    "lowest": 10,
    "trivial": 10,
    "p4": 10,
}
_PRIORITY_LABEL = re.compile(r"^(?:priority|prio)\s*[:/ -]\s*(.+)$")


def title_of(issue: RemoteIssue) -> str:
    """A card's title has 3 characters at least."""
    title = " ".join(issue.title.split())[:_LONGEST_TITLE]
    return title if len(title) >= 3 else f"Issue {issue.number}: {title}".strip(" :")


def text_of(issue: RemoteIssue) -> str:
    return without(issue.body)[:_LONGEST_TEXT].replace("\x00", "")


def type_of(issue: RemoteIssue) -> BoardType | None:
    """None: nothing says so."""
    words = [issue.type, *(label.rpartition(":")[2] for label in issue.labels)]
    return next((_TYPES[word] for one in words if (word := one.strip().lower()) in _TYPES), None)


def priority_of(issue: RemoteIssue) -> int | None:
    """Of Jira its priority, of GitHub a label such as `priority: high` or `P1`. None: nothing says so."""
    words = [issue.priority.strip().lower()]
    for label in issue.labels:
        low = label.strip().lower()
        found = _PRIORITY_LABEL.match(low)
        words.append(found.group(1) if found else low if re.fullmatch(r"p[0-4]", low) else "")
    return next((_PRIORITIES[word] for word in words if word in _PRIORITIES), None)


def labels_of(issue: RemoteIssue) -> tuple[str, ...]:
    """Those that a card can bear."""
    return tuple(dict.fromkeys(_fitting(issue.labels)))[:_MOST_LABELS]


def _fitting(labels: Iterable[str]) -> Iterable[str]:
    for label in labels:
        plain = " ".join(re.sub(r"[,\x00-\x1f\x7f-\x9f]", " ", label).split())[:50].strip()
        if plain:
            yield plain
