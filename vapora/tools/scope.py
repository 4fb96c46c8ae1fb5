"""Which paths a role may write, as patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Scope:
    """`*` and `?` stand for characters of one name, `**/` for any number of folders, and `**` at the end for all below.

    A path is in scope if one of the patterns takes all of it. No pattern at all: nothing may be written.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._matchers = tuple(re.compile(_regex(pattern)) for pattern in self.patterns)

    def __contains__(self, path: str) -> bool:
        return any(one.fullmatch(path) for one in self._matchers)

    @property
    def is_everything(self) -> bool:
        return "**" in self.patterns

    def __str__(self) -> str:
        return ", ".join(self.patterns) or "nothing"


def _regex(pattern: str) -> str:
    found = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        match part:
            case "**/":
                found += "(?:.*/)?"
            case "**":
                found += ".*"
            case "*":
                found += "[^/]*"
            case "?":
                found += "[^/]"
            case _:
                found += re.escape(part)
    return f"(?s:{found})"
