"""Whoever installs the wheel and checks types strictly sees ours."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent.parent
GOOD = """
from vapora import AsyncClient, Client
from vapora.commands import EditBudget
from vapora.views import BudgetEdited, TaskCard
from events.ids import Scope, TaskState


def work(client: Client) -> str:
    task = client.projects["Shortleaf"].tasks.submit("Write a parser", priority=80)
    card: TaskCard = task.wait(timeout=240)
    state: TaskState = task.state
    limits: BudgetEdited = client.edit_budget(Scope.ROLE, "developer", EditBudget(weekly_limit_cents=5))
    return f"{card.title} {state.value} {limits.before.weekly_limit_cents} {task.output().text}"


async def later(client: AsyncClient) -> list[str]:
    return [card.title async for card in client.tasks(state=TaskState.DONE)]
"""
BAD = """
from vapora import Client

with Client() as client:
    number: int = client.task("x").title
    client.projects["Shortleaf"].tasks.submit("Write a parser", priority="high")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds our wheel, and sees this one's libraries."""
    folder = tmp_path_factory.mktemp("downstream")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("vapora-*.whl")
    venv.create(folder / "venv", with_pip=False)
    site = folder / "venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    with ZipFile(wheel) as packed:
        packed.extractall(site)
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "venv" / "bin" / "python"


def check(installed: Path, text: str) -> tuple[int, str]:
    """What mypy says of a program of somebody else's, outside this repository."""
    folder = installed.parent.parent.parent
    (folder / "program.py").write_text(text)
    options = ["--strict", "--config-file=", "--python-executable", str(installed)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--cache-dir", str(folder / "cache"), "program.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_program_that_uses_the_client_well_passes(installed: Path) -> None:
    assert check(installed, GOOD) == (0, "Success: no issues found in 1 source file\n")


def test_a_program_that_uses_it_wrongly_is_told_where(installed: Path) -> None:
    code, said = check(installed, BAD)
    assert code == 1
    assert "program.py:5: error: Incompatible types in assignment" in said
    assert "program.py:6: error" in said
