"""How Sphinx builds the documentation: `make docs`. Nothing that is built asks another host."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))

import vapora  # noqa: E402
from docs import generate, pictures  # noqa: E402

project = "VAPORA"
author = "The VAPORA founders"
project_copyright = author
release = version = vapora.__version__
language = "en"

extensions = ["myst_parser", "sphinx_copybutton", "docs.pictures"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples", "generate", "built"]
nitpicky = True
# A docstring that begins at a level below the page's own; a language of code that nobody colours.
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"VAPORA {release}"
html_static_path = [str(pictures.FOLDER)]
html_show_sphinx = False

# Files of the project that are pages too; all others that a page points to are named, not linked.
_PAGES = {
    "README.md": "start.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks.md",
}


def _mend_links(app: Any, name: str, source: list[str]) -> None:
    """Links to what lies outside `docs` lead to the page that it became, or become its name."""
    page = here = (DOCS / name).parent
    for outside, became in _PAGES.items():
        if became == f"{name}.md" and outside != "README.md":
            source[0] = (ROOT / outside).read_text(encoding="utf-8")
            here = (ROOT / outside).parent

    def mend(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = Path(os.path.normpath(here / target))
        if path.is_relative_to(DOCS) and path.suffix == ".md" and path.exists():
            return f"[{text}]({os.path.relpath(path, page)}{anchor})"
        inside = os.path.relpath(path, ROOT)
        if inside in _PAGES:
            return f"[{text}]({os.path.relpath(DOCS / _PAGES[inside], page)}{anchor})"
        if path.is_dir() and (path / "index.md").exists():
            return f"[{text}]({os.path.relpath(path / 'index.md', page)})"
        return found[0] if path.suffix in (".png", ".svg") else f"{text} (`{inside}`)"

    source[0] = re.sub(r"\[([^\]]+)\]\((?!https?:|#|<)([^)#\s]+)(#[^)\s]*)?\)", mend, source[0])


def setup(app: Any) -> None:
    generate.write(DOCS / "reference")
    app.connect("source-read", _mend_links)
