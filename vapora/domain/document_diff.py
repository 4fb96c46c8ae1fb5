"""What changed between two versions of a text, as a unified diff."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff

# Comparing takes the product of both sides at worst; beyond it, only that everything changed is said.
_MOST_STEPS = 4_000_000
_MOST_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Difference:
    """`truncated`: `patch` is cut, or the texts are too large to be compared line by line."""

    patch: str
    additions: int
    deletions: int
    truncated: bool


def difference(before: str, after: str, name: str = "document") -> Difference:
    old, new = before.splitlines(), after.splitlines()
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    tail = 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    added, removed = len(new) - same - tail, len(old) - same - tail
    if added * removed > _MOST_STEPS:
        return Difference("", added, removed, True)
    lines = list(unified_diff(old, new, f"a/{name}", f"b/{name}", lineterm=""))
    plus = sum(1 for line in lines[2:] if line.startswith("+"))
    minus = sum(1 for line in lines[2:] if line.startswith("-"))
    patch = "\n".join(lines)
    return Difference(patch[:_MOST_CHARACTERS], plus, minus, len(patch) > _MOST_CHARACTERS)
