"""A real Chromium: the one on the machine, else Debian's package, else the one that Playwright has fetched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests import debian

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without these it looks for updates and its vendor's services at every start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str:
    """The path of Chromium. Where there is none: installed if this is CI, else the test is skipped."""
    found = _on_the_machine()
    if found is None:
        debian.install("chromium", "fonts-noto-color-emoji")
        found = _on_the_machine()
    if found is not None:
        return found
    what = "No Chromium was found. Install it with `apt-get install chromium`, or `playwright install chromium`."
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def _on_the_machine() -> str | None:
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    fetched = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    return next((str(path) for path in sorted(fetched.glob("chromium-*/chrome-linux*/chrome"), reverse=True)), None)
