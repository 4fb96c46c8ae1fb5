"""What is put into each text that goes out, by which it is found again, and known for ours when it comes back."""

from __future__ import annotations

import re

from events.tracker import TrackerKind

# The workspace and the position of the event: no two texts have the same.
_SHAPE = r"vapora:[a-z0-9-]{1,60}/[0-9]{1,20}/[a-z]+"
_AT_END = re.compile(rf"\s*(?:<!-- {_SHAPE} -->|\({_SHAPE}\))\s*$")


def reference(workspace: str, position: int, thing: str) -> str:
    return f"vapora:{workspace}/{position}/{thing}"


def signed(kind: TrackerKind, text: str, ref: str) -> str:
    """GitHub does not show a remark in HTML; Jira has none, so that there it is the last line."""
    return f"{text}\n\n<!-- {ref} -->" if kind == "github" else f"{text}\n\n({ref})"


def reference_in(text: str) -> str | None:
    """That with which the text ends: what somebody quotes stands before their own words."""
    found = _AT_END.search(text)
    return None if found is None else found.group(0).strip().strip("<!->() ")


def without(text: str) -> str:
    """What was said, without the reference at its end."""
    return _AT_END.sub("", text)
