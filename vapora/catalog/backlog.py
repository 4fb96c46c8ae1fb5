"""Backlog files: a YAML list of task bodies, as for `POST /tasks` without `project_id`.

Only the outer form is checked here. What a body may hold is decided in one place, where the task is
submitted, so a backlog and the API can never disagree.
"""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import yaml  # type: ignore[import-untyped, unused-ignore]

from vapora.errors import CatalogError

_SHIPPED = "backlog.yaml"


def load_backlog(path: Path | None) -> list[dict[str, Any]]:
    """Task bodies of a backlog file, in its order; of the shipped demo backlog where `path` is None.

    Raises `CatalogError` naming the file, the entry (counted from 1) and the remedy.
    """
    name = _SHIPPED if path is None else str(path)
    try:
        source = files("vapora.catalog") / _SHIPPED if path is None else path
        content: object = yaml.safe_load(source.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _unusable(name, "there is no such file", "Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(name, f"it cannot be read as UTF-8 text: {error}", "Check the file.") from error
    except yaml.YAMLError as error:
        raise _unusable(name, f"it is not valid YAML: {error}", "Correct it at the place named.") from error
    if not isinstance(content, list) or not content:
        raise _unusable(name, "it is not a list of tasks", "Write one entry a task, each beginning with '- title: …'.")
    return [_body(name, number, entry) for number, entry in enumerate(cast("list[object]", content), start=1)]


def _body(file: str, number: int, entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise _unusable(
            file, f"entry {number} is not a mapping", "Write 'title: …' and the other fields as key: value."
        )
    fields = cast("dict[object, Any]", entry)
    title = fields.get("title")
    if title is None:
        raise _unusable(file, f"entry {number} has no title", "Give it a title of 3 to 500 characters.")
    if not isinstance(title, str) or not title.strip():
        raise _unusable(
            file, f"entry {number}: the title is not text", "Put it in quotation marks, 3 to 500 characters."
        )
    return {str(key): _as_json(value) for key, value in fields.items()}


def _as_json(value: Any) -> Any:
    # YAML reads an unquoted `deadline: 2026-03-01` as a date, which no JSON request body can carry.
    return value.isoformat() if isinstance(value, date) else value


def _unusable(file: str, problem: str, remedy: str) -> CatalogError:
    return CatalogError(f"Backlog {file} cannot be used: {problem}.", remedy=remedy, file=file)
