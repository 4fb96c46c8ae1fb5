"""The tab key, in each shell that is there: what `--install-completion` writes, loaded as the shell loads it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import invoke
from vapora.cli import completion

NOBODY = "http://127.0.0.1:9"
# Where `--install-completion` puts the script, and how what it offers for a line is had from the shell.
_BASH = """
source {home}/.bash_completions/vapora.sh
COMP_WORDS=({typed}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
_vapora_completion vapora
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
_ZSH = """
compdef() {{ :; }}
_arguments() {{ print -r -- "$@"; }}
source {home}/.zfunc/_vapora
words=({typed}); CURRENT=${{#words}}
_vapora_completion
"""
_FISH = "source {home}/.config/fish/completions/vapora.fish; complete --do-complete '{typed}'"
SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@pytest.fixture(params=sorted(SHELLS))
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not on this machine")
    return str(request.param)


def test_commands_options_and_names_are_completed(shell: str, url: str, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(tmp_path), "VAPORA_URL": url}

    def run(text: str) -> str:
        done = subprocess.run([shell, "-c", text], env=env, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    # Which shell it is, it finds out by itself: by the process around it.
    assert shell in run("vapora --install-completion; true")
    assert invoke("project", "add", f"Tab-{shell}", VAPORA_URL=url).code == 0
    for typed, offered in (("task add --pro", "--project"), ("board --project Tab", f"Tab-{shell}")):
        assert offered in run(SHELLS[shell].format(home=tmp_path, typed=f"vapora {typed}"))


def test_a_project_whose_name_a_shell_would_split_is_offered_by_its_id(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = invoke("project", "add", "Two words", "--json", VAPORA_URL=url).json
    monkeypatch.setenv("VAPORA_URL", url)
    assert completion.projects(made["id"][:-1]) == [(made["id"], "Two words")]
    assert completion.projects("Two") == []


def test_cards_are_completed_by_their_ids_and_nothing_is_asked_of_a_server_that_is_away(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("project", "add", "Cards", VAPORA_URL=url).code == 0
    made = invoke("task", "add", "Complete me", "--project", "Cards", "--role", "tester", "--quiet", VAPORA_URL=url)
    task = made.out.strip()
    monkeypatch.setenv("VAPORA_URL", url)
    assert completion.tasks(task[:-1]) == [(task, "Complete me")]
    assert all(id_.startswith("task-") for id_, _ in completion.tasks(""))
    assert completion.runs("run-nowhere") == []
    monkeypatch.setenv("VAPORA_URL", NOBODY)
    assert completion.tasks(task) == completion.projects("") == []
    monkeypatch.setenv("VAPORA_URL", "no address")
    assert completion.projects("") == []


def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("VAPORA_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert completion.projects("") == []
        assert time.monotonic() - began < 60


def test_to_complete_a_command_imports_no_server_and_no_client() -> None:
    code = "import sys; sys.argv = ['vapora']; from vapora.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"
    code += (
        "print(*sorted({'ray', 'fastapi', 'httpx', 'eventsourcing', 'numpy'} & sys.modules.keys()), file=sys.stderr)"
    )
    env = {**os.environ, "_VAPORA_COMPLETE": "complete_bash", "COMP_WORDS": "vapora task ad", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True)
    assert (done.stdout.split(), done.stderr.split()) == (["add"], [])
