"""What README.md tells to type works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pages
from vapora import operator_token

ROOT = Path(__file__).parent.parent
ADDRESS = "http://127.0.0.1:8000"


def blocks(heading: str, language: str) -> list[str]:
    """The code of this language in the section under the heading."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return pages.blocks_of(section, language)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server on which nothing was done yet; whoever types knows the operator's token."""
    data = tmp_path_factory.mktemp("readme") / "data"
    try:
        os.environ["VAPORA_TOKEN"] = operator_token.ensure(data)
        with pages.server(data, tmp_path_factory.getbasetemp()) as there:
            yield there
    finally:
        os.environ.pop("VAPORA_TOKEN", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the person types: in a git repository of theirs."""
    return pages.make_repository(tmp_path_factory.getbasetemp() / "theirs")


def run(program: list[str], text: str, address: str, folder: Path) -> str:
    """Another port than the usual one is all that differs: a test must not meet somebody's own server."""
    bin_folder = Path(sys.executable).parent
    done = subprocess.run(
        program,
        input=text.replace(ADDRESS, address).replace("Client()", f"Client({address!r})"),
        cwd=folder,
        env={**os.environ, "VAPORA_URL": address, "PATH": f"{bin_folder}:{os.environ['PATH']}", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tour_runs_as_it_stands(address: str, folder: Path) -> None:
    shell, http = blocks("A tour", "sh")
    [python] = blocks("A tour", "python")
    for placeholder in ("TASK", "PROJECT", "…)"):
        assert placeholder not in shell + python + http.replace('"task-…"', "")

    typed = run(["bash", "-euo", "pipefail"], shell, address, folder)
    written = run([sys.executable, "-"], python, address, folder)
    fetched = run(["bash", "-euo", "pipefail"], http, address, folder)

    assert re.search(r"task-[0-9a-f]+ is done", typed)
    assert "month" in typed and "$5.00" in typed
    assert written.startswith("done ")
    assert '"task_id":"task-' in fetched
    assert '"decisions":[' in fetched


def test_each_command_that_the_readme_names_exists() -> None:
    from typer.main import get_command

    from vapora.cli.main import app

    known = get_command(app)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for named in set(
        re.findall(r"\bvapora ([a-z]+)", "\n".join(re.findall(r"```sh\n.*?```|`vapora [^`]*`", text, re.DOTALL)))
    ):
        assert named in known.commands, named  # type: ignore[attr-defined]
