"""The house is as it was drawn: docs/architecture.md, pyproject.toml and the imports say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DRAWING = re.compile(r"<!-- layers:begin -->\n```\n(.*?)```\n<!-- layers:end -->", re.DOTALL)

# They stand beside the layers: a contract of its own holds the SDK, and the guard imports nothing of ours.
BESIDE = {"vapora.sdk", "vapora.package_guard", "vapora.__init__", "vapora.__main__"}

Line = tuple[str, ...]


def modules_of(line: str) -> Line:
    return tuple(part.strip() for part in line.split("|"))


def contract() -> list[Line]:
    """The lines of the layers contract, the highest first."""
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one["type"] == "layers" and not one["containers"]]
    return [modules_of(line) for line in layers]


def drawing() -> list[Line]:
    found = DRAWING.search((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert found is not None, "docs/architecture.md has lost the marked drawing"
    return [modules_of(line) for line in found[1].splitlines()]


def rooms() -> set[str]:
    """The top-level packages, and the modules of `vapora`. A folder without code is none."""
    inside = {f"vapora.{path.stem}" for path in (ROOT / "vapora").glob("*.py")}
    inside |= {
        f"vapora.{path.name}"
        for path in (ROOT / "vapora").iterdir()
        if path.is_dir() and any(source.stat().st_size for source in path.rglob("*.py"))
    }
    return {"events", "projections", "actors"} | inside


def test_the_drawing_shows_the_layers_that_are_enforced() -> None:
    assert drawing() == contract()


def test_every_room_stands_in_the_drawing_once() -> None:
    drawn = [module for line in drawing() for module in line]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == rooms() - BESIDE


def test_no_import_breaks_a_contract(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_every_path_that_contributing_names_is_there() -> None:
    named = re.findall(r"`((?:actors|events|projections|tests|vapora)/[^` ]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    paths = [one for one in named if not re.search(r"[<{*]", one)]
    assert len(paths) > 30
    assert [one for one in paths if not (ROOT / one).exists()] == []
