"""The little of Markdown that the reference pages are made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

NOT_SAID = "—"


def cell(text: str) -> str:
    """As it may stand in a table."""
    return " ".join(text.split()).replace("|", "\\|") or NOT_SAID


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Empty where there is no row."""
    lines = [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    if not lines:
        return ""
    head = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*head, *lines]) + "\n"


def contents(pages: Iterable[str]) -> str:
    """A table of contents of the pages below."""
    return "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"


def docstring(thing: object) -> str:
    return plain(inspect.getdoc(thing) or "")


def plain(text: str) -> str:
    """Our docstrings are Markdown with a few signs that Markdown means otherwise."""
    # `<name>` beside code would be HTML.
    return re.sub(r"(`[^`]*`)|<", lambda found: found[1] or "&lt;", text)


def joined(*parts: str) -> str:
    """Blocks with an empty line between them."""
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
