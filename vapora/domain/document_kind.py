"""What kind of document a text is, by rule: from its path first, then its title, then how it begins."""

from __future__ import annotations

import re

from events.document import DocumentKind

# The first that fits. Patterns are of small letters.
_BY_PATH: tuple[tuple[DocumentKind, str], ...] = (
    ("readme", r"(^|/)readme(\.\w+)?$"),
    ("changelog", r"(^|/)(changelog|changes|history|release[-_]?notes)(\.\w+)?$"),
    ("roadmap", r"(^|/)roadmap(\.\w+)?$"),
    ("adr", r"(^|/)(adrs?|decisions)/"),
    ("adr", r"(^|/)adr[-_]?\d+"),
    ("runbook", r"(^|/)(runbooks?|playbooks?)(/|\.|$)"),
    ("presentation", r"(^|/)(slides|presentations?|talks)(/|\.|$)"),
    ("reference", r"(^|/)(reference|api)(/|\.|$)"),
    ("guide", r"(^|/)(guides?|tutorials?|how-?to)(/|\.|$)"),
)
_BY_TITLE: tuple[tuple[DocumentKind, str], ...] = (
    ("readme", r"^read ?me\b"),
    ("changelog", r"^(changelog|change log|release notes)\b"),
    ("roadmap", r"\broadmap\b"),
    ("adr", r"^(adr[- ]?\d*|decision record)\b"),
    ("runbook", r"\b(runbook|playbook|incident|on-call)\b"),
    ("presentation", r"\b(presentation|slides)\b"),
    ("reference", r"\breference\b"),
    ("guide", r"^(how to\b|guide\b|tutorial\b)|\bguide$"),
)
_BY_TEXT: tuple[tuple[DocumentKind, str], ...] = (
    ("changelog", r"^#+ \[?(unreleased|v?\d+\.\d+(\.\d+)?)\]?.*\n(.*\n)*?#+ (added|changed|fixed|removed|security)\b"),
    ("adr", r"^#+ (status|context|decision)\b(.*\n)*?#+ (consequences|decision)\b"),
    ("runbook", r"^#+ (symptoms?|rollback|roll back|escalation)\b"),
    ("roadmap", r"^#+ (now|next|later|q[1-4]( \d{4})?)\s*$(.*\n)*?^#+ (next|later|q[1-4]( \d{4})?)\s*$"),
)
# So much of a text is looked at.
_LOOKED_AT = 4_000


def classify(title: str, path: str | None, text: str) -> tuple[DocumentKind, str]:
    """The kind, and the rule that says so."""
    for kind, pattern in _BY_PATH if path else ():
        if path and re.search(pattern, path.lower()):
            return kind, f"its path {path}"
    for kind, pattern in _BY_TITLE:
        if re.search(pattern, title.lower()):
            return kind, "its title"
    head = text[:_LOOKED_AT].lower()
    for kind, pattern in _BY_TEXT:
        if re.search(pattern, head, re.MULTILINE):
            return kind, "its headings"
    return "note", "nothing says more"


def title_of(path: str, text: str) -> str:
    """Its first heading, else the name of its file."""
    found = re.search(r"^#\s+(\S.*?)\s*#*\s*$", text[:_LOOKED_AT], re.MULTILINE)
    title = " ".join(found[1].split())[:500] if found else path.rpartition("/")[2]
    return title if len(title) >= 3 else path


def is_document(path: str) -> bool:
    """Whether the file is a text for readers."""
    name = path.rpartition("/")[2].lower()
    return name.endswith((".md", ".rst", ".adoc", ".txt")) or name in ("readme", "changelog", "roadmap")
