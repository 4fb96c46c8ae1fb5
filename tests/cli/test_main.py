from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vapora as package

HEAVY = {
    "ray",
    "fastapi",
    "eventsourcing",
    "httpx",
    "websockets",
    "vapora.platform",
    "vapora.serve",
    "vapora.api",
    "actors",
}


def test_help_is_light() -> None:
    code = "import sys\ntry:\n    import vapora.cli.main as m; m.app(['--help'])\nexcept SystemExit:\n    pass\n"
    code += "print('MODULES', *sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    shown, _, modules = done.stdout.partition("MODULES")
    assert "Commands" in shown
    assert not HEAVY & set(modules.split())


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "vapora", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == package.__version__


@pytest.mark.parametrize(
    "command",
    [
        ["agents"],
        ["board"],
        ["budget"],
        ["costs"],
        ["projects"],
        ["task", "list"],
        ["task", "why", "x"],
        ["log", "tail"],
    ],
    ids=" ".join,
)
def test_without_a_server_it_says_how_to_start_one(command: list[str], alone: Callable[..., Any]) -> None:
    said = alone(*command)

    assert said.code == 2
    assert "`vapora up`" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    "command", [["task", "add"], ["task", "move", "t", "nowhere"], ["nothing"], ["log", "show", "0"]]
)
def test_wrong_usage_is_two(command: list[str], alone: Callable[..., Any]) -> None:
    assert alone(*command).code == 2


def test_a_foreign_events_package_is_named_before_it_does_harm(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "__init__.py").write_text("", encoding="utf-8")
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(package.__file__).parent.parent)])}

    done = subprocess.run(
        [sys.executable, "-m", "vapora", "board"], capture_output=True, text=True, env=environ, cwd=tmp_path
    )

    assert done.returncode == 1
    assert "'events'" in done.stderr
    assert str(tmp_path) in done.stderr


def test_a_refusal_is_one_line_with_what_to_do(vapora: Callable[..., Any]) -> None:
    said = vapora("task", "show", "nope", "--json")

    assert said.code == 1
    assert said.out == ""
    assert said.err.strip() == "There is no task 'nope'. Check the id."


def test_every_command_has_json() -> None:
    from typer.main import get_command

    from vapora.cli import app

    def leaves(command: Any, path: str) -> list[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            return [(path, command)]
        return [leaf for name, one in inner.items() for leaf in leaves(one, f"{path} {name}")]

    lacking = [
        path
        for path, command in leaves(get_command(app), "vapora")
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert lacking == []


@pytest.mark.parametrize("url", ["http://[::1", "http://localhost:many", "localhost:8000", "ftp://localhost"])
def test_an_address_of_the_server_that_is_none_is_wrong_usage(url: str, alone: Callable[..., Any]) -> None:
    said = alone("board", VAPORA_URL=url)

    assert said.code == 2
    assert said.err.startswith("VAPORA_URL is not an address.")


def test_a_misspelt_variable_is_not_taken_for_another_server(alone: Callable[..., Any]) -> None:
    said = alone("board", VAPORA_ULR="http://elsewhere:8000")

    assert (said.code, said.err.strip()) == (2, "There is no setting VAPORA_ULR. Did you mean VAPORA_URL?")
