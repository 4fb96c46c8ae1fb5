"""Diagrams in the pages: Mermaid draws them in the reader's browser, by a script that stands beside the pages.

The script is taken from npm, as one pinned file without what it depends on, and is not under version control.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tarfile
import tempfile
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive

from hatch_build import find_npm

FOLDER = Path(__file__).parent / "built" / "static"
_SCRIPT = FOLDER / "mermaid.min.js"
_PACKAGE = "mermaid@12.3.0"
_MEMBER = "package/dist/mermaid.min.js"
_SHA512 = "4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw=="
_BEGIN = """
addEventListener("load", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
  mermaid.run();
});
"""


class Mermaid(Directive):  # type: ignore[misc]  # docutils has no types
    """A block of Mermaid, as a picture where a script may run, and as its text elsewhere."""

    has_content: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        text = escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">\n{text}\n</pre>', format="html", classes=["picture"])]


def fetch() -> None:
    """Have the script. Raises `RuntimeError` where npm gives none, or another one than was pinned."""
    if _SCRIPT.exists():
        return
    npm, environment = find_npm()
    with tempfile.TemporaryDirectory() as folder:
        command = [*npm, "pack", "--silent", "--pack-destination", folder, _PACKAGE]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise RuntimeError(f"npm did not give {_PACKAGE}, which draws the diagrams: {done.stderr.strip()}")
        [archive] = Path(folder).glob("*.tgz")
        if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != _SHA512:
            raise RuntimeError(f"npm gave another {_PACKAGE} than the one that was tried: see what has changed.")
        with tarfile.open(archive) as opened:
            script = opened.extractfile(_MEMBER)
            if script is None:
                raise RuntimeError(f"{_PACKAGE} holds no {_MEMBER}.")
            FOLDER.mkdir(parents=True, exist_ok=True)
            _SCRIPT.write_bytes(script.read())


def setup(app: Any) -> dict[str, bool]:
    fetch()
    app.add_directive("mermaid", Mermaid)
    app.connect("html-page-context", _load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _load(app: Any, page: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Five megabytes, and only for pages that hold a picture."""
    if tree is not None and any("picture" in one["classes"] for one in tree.findall(nodes.raw)):
        app.add_js_file(_SCRIPT.name, loading_method="defer")
        app.add_js_file(None, body=_BEGIN)
