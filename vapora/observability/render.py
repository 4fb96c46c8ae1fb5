"""Dashboards and alert rules as files, which `python -m vapora.observability.render [FOLDER]` writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from vapora.observability.alerts import rule_files
from vapora.observability.dashboards import dashboards

_MADE = "# Made by `python -m vapora.observability.render`; change vapora/observability/alerts.py.\n"


def files() -> dict[str, str]:
    """Paths below `kuberay/`, and what stands in each."""
    boards = {
        f"dashboards/{name}": json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in dashboards().items()
    }
    rules = {
        f"alerts/{name}": _MADE + yaml.safe_dump(one, sort_keys=False, allow_unicode=True, width=120)
        for name, one in rule_files().items()
    }
    return boards | rules


def write(folder: Path) -> None:
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "kuberay"))
