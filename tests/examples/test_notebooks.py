"""The notebooks in examples/ do what they say: carried out in a kernel, each on its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.cli.conftest import quick
from tests.examples import make
from tests.ports import free_port
from vapora import operator_token
from vapora.platform import Platform

# Of one cell. On a quiet machine none takes ten.
_CELL_S = 300


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reader's own machine may have set is not what is tried here."""
    for name in [one for one in os.environ if one.startswith("VAPORA_")]:
        monkeypatch.delenv(name)


def carried_out(name: str, folder: Path) -> Any:
    """The notebook with its outputs. An error in a cell, such as of a check, is raised with its traceback."""
    notebook: Any = nbformat.read(make.FOLDER / f"{name}.ipynb", as_version=4)
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=_CELL_S, kernel_name="python3", resources=where).execute()
    return notebook


def outputs(notebook: Any, kind: str) -> list[str]:
    """All that was shown in this form; of what was updated in place, the last."""
    return [
        "".join(output["data"][kind])
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if kind in output.get("data", {})
    ]


@pytest.mark.parametrize("name", make.names())
def test_a_notebook_is_made_from_its_source_and_holds_no_outputs(name: str) -> None:
    text = (make.FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")
    assert text == make.made(name), "run python -m tests.examples.make"
    notebook: Any = nbformat.reads(text, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    assert any("check" in cell.metadata.get("tags", ()) for cell in notebook.cells)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("name", make.names())
def test_a_notebook_runs_alone_and_its_checks_hold(name: str, tmp_path: Path) -> None:
    shown = carried_out(name, tmp_path)
    assert outputs(shown, "text/html")
    assert not [html for html in outputs(shown, "text/html") if "<script" in html]
    if name in ("budget_and_money", "evaluating_agents", "team_month"):
        assert len(outputs(shown, "image/png")) >= 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server of its own that runs already, as `vapora up` starts one."""
    settings = quick(tmp_path / "data", free_port())
    platform = Platform(settings.model_copy(update={"sandbox": "none", "repo_roots": (tmp_path,)}), {})
    try:
        yield platform.start().api.removesuffix("/api/v1")
    finally:
        platform.stop()


@pytest.mark.usefixtures("clean")
def test_the_first_steps_are_the_same_against_a_server(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAPORA_URL", server)
    monkeypatch.setenv("VAPORA_TOKEN", operator_token.ensure(tmp_path / "data"))
    (tmp_path / "notebook").mkdir()
    shown = carried_out("first_steps", tmp_path / "notebook")
    [*_, board] = [html for html in outputs(shown, "text/html") if "Board at position" in html]
    # The cell that showed it was over long before: it was updated in place.
    assert "Write a talk about slugs" in board


@pytest.mark.parametrize(
    "checker", [("mypy", "--strict"), ("basedpyright", "--level", "error")], ids=lambda one: one[0]
)
def test_the_types_of_the_examples_are_right(checker: tuple[str, ...]) -> None:
    """By two programs that think differently about types."""
    done = subprocess.run(
        [sys.executable, "-m", *checker, *map(str, sorted(make.SOURCES.glob("*.py")))],
        cwd=make.FOLDER.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
