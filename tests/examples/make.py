"""Makes the notebooks in examples/ from their sources: `python -m tests.examples.make`.

A source is a Python program, so that types and style are checked: `# %%` begins a cell, `# %% [markdown]` one of text,
and `# %% tags=["check"]` one that checks what the cells before it came to.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parents[2] / "examples"
SOURCES = FOLDER / "sources"
_HEAD = re.compile(r"^# %%(?: \[(?P<kind>markdown)\])?(?: tags=(?P<tags>\[.*\]))?$", re.MULTILINE)


def names() -> list[str]:
    return sorted(path.stem for path in SOURCES.glob("*.py"))


def made(name: str) -> str:
    """The text of the notebook."""
    text = (SOURCES / f"{name}.py").read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    parts = [(head, text[head.end() : end].strip("\n")) for head, end in zip(heads, ends, strict=True)]
    cells = [_cell(head, body, number) for number, (head, body) in enumerate(parts)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={**kernel, "language_info": {"name": "python"}})
    return f"{nbformat.writes(notebook)}\n"


def _cell(head: re.Match[str], body: str, number: int) -> Any:
    # The same id each time: a notebook that says the same is the same.
    named = {"id": f"cell-{number:02}"}
    if head["kind"]:
        plain = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines())
        return nbformat.v4.new_markdown_cell(plain, **named)
    metadata = {"tags": json.loads(head["tags"])} if head["tags"] else {}
    return nbformat.v4.new_code_cell(body, metadata=metadata, **named)


if __name__ == "__main__":
    for name in names():
        (FOLDER / f"{name}.ipynb").write_text(made(name), encoding="utf-8")
