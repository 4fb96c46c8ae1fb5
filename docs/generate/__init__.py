"""The reference pages of the documentation, made from the code itself: API, command line, settings, events, SDK.

`docs/conf.py` calls `write` before each build. The pages lie in `docs/reference/`, which is not under version control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import api, command_line, event_types, python_sdk, setting_names

# A maker gives the text of each of its pages by the page's path below `docs/reference`.
_MAKERS: tuple[Callable[[], Mapping[str, str]], ...] = (
    api.pages,
    command_line.pages,
    setting_names.pages,
    event_types.pages,
    python_sdk.pages,
)


def write(folder: Path) -> None:
    """Every page as it has to be; one that is as it was is not touched, so that a second build is a short one."""
    made = {folder / path: text for maker in _MAKERS for path, text in maker().items()}
    for old in set(folder.rglob("*.md")) - set(made):
        old.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
