"""What a run does, in one line each: for a list of its steps, and for its card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from events.content import Content
from vapora.unicode import printable

LONGEST = 160
# What says most about a call, by tool. Of the others, the first argument that is a text.
_TELLING = {
    "file_read": "path",
    "file_list": "path",
    "file_write": "path",
    "file_edit": "path",
    "code_search": "pattern",
    "run_command": "command",
    "ask": "question",
    "finish": "summary",
    "submit_review": "verdict",
}


def one_line(text: str, width: int = LONGEST) -> str:
    line = printable(" ".join(text[: 4 * width].split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"


def arguments(told: str) -> dict[str, Any]:
    """A tool's arguments as an object; what is none stands in `text`."""
    try:
        parsed = json.loads(told)
    except ValueError:
        return {"text": told}
    return parsed if isinstance(parsed, dict) else {"text": told}


def of_tool(name: str, arguments: Mapping[str, Any]) -> str:
    """As `run_command: pytest -q`."""
    said = arguments.get(_TELLING.get(name, ""))
    if not isinstance(said, str):
        said = next((value for value in arguments.values() if isinstance(value, str)), "")
    return one_line(f"{name}: {said}" if said else name)


def of_answer(answer: Content, tools: tuple[str, ...], model: str) -> str:
    """The answer's beginning; without text, the tools that it asks for."""
    text = answer.text if answer.text is not None else "(a long answer)"
    return one_line(text) or (", ".join(tools) and one_line(f"asks for {', '.join(tools)}")) or f"{model} answered"
