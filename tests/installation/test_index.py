"""What only the package index can show: wheels for every platform, and an installation that starts from nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from uv import find_uv_bin

from release import dists
from tests.installation.lock import DEV_LOCK, LOCK, PROJECT, ROOT, entries, needed, roots
from tests.sources import copied

pytestmark = [pytest.mark.index, pytest.mark.timeout(900)]

OLDEST_PIP = "23.0.1"  # Debian 12's
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_pinned_package_has_a_wheel_that_the_lock_allows(python: str, platform: str, tmp_path: Path) -> None:
    done = _wheels(DEV_LOCK, python, platform, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_package_without_a_wheel_is_found(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(_WITHOUT_A_WHEEL, encoding="utf-8")
    done = _wheels(lock, "3.11", PLATFORMS[0], tmp_path)
    assert done.returncode == 1
    assert "nkeys==0.2.1 has no usable wheels" in done.stderr


def test_make_installs_the_platform_with_the_oldest_pip_in_a_folder_with_a_space(tmp_path: Path) -> None:
    clone = copied(tmp_path / "a clone")
    python = _interpreter_with(OLDEST_PIP, tmp_path / "python")
    _run(["make", f"PYTHON={python}", ".venv/.platform"], clone)

    inside = clone / ".venv" / "bin"
    assert f"pip {OLDEST_PIP} " in _run([inside / "python", "-m", "pip", "--version"], clone)
    _run([inside / "vapora", "--help"], clone)
    # What it imports only when it starts or first needs it.
    later = (
        "vapora.platform, vapora.serve, vapora.queue.nats.link, anthropic, google.genai, ollama, openai, psycopg_pool"
    )
    _run([inside / "python", "-c", f"import {later}"], clone)


def test_without_the_extra_the_sdk_works_and_the_command_says_what_to_install(tmp_path: Path) -> None:
    _run([sys.executable, "-m", "venv", tmp_path / "env"], tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    base = {canonicalize_name(one.name) for one in needed(roots("build"))}
    lock = tmp_path / "base.lock"
    lock.write_text("\n".join(entry for name, entry in entries(LOCK).items() if name in base), encoding="utf-8")
    _run([*_pip(python), "--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", lock], tmp_path)
    _run([*_pip(python), "--no-deps", "--no-build-isolation", copied(tmp_path / "clone")], tmp_path)
    _run([python, "-m", "pip", "check"], tmp_path)

    _run([python, "-c", "from vapora import Client; Client('http://127.0.0.1:1').close()"], tmp_path)
    for command in ([str(python.with_name("vapora")), "board"], [str(python), "-m", "vapora"]):
        done = subprocess.run(command, cwd=tmp_path, env=_environment(), check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "install vapora[platform]" in done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(one for one in dists.build(ROOT, tmp_path_factory.mktemp("made"), "0") if one.suffix == ".whl")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheel_works_on_each_python_alone_and_with_what_each_extra_brings(python: str, wheel: Path) -> None:
    interpreter = _interpreter_of(python)
    if interpreter is None:
        pytest.skip(f"there is no Python {python} on this machine")
    version, extras = PROJECT["project"]["version"], ",".join(PROJECT["project"]["optional-dependencies"])
    imports = (
        "vapora.platform",
        "vapora.serve",
        "vapora.deploy.kcl",
        "kcl_lib.api",
        "lightkube",
        "pandas",
        "matplotlib",
    )
    assert dists.installed(wheel, version, interpreter, extras, imports) == []


# A package that VAPORA did without for this reason: its only file is its source.
_WITHOUT_A_WHEEL = """\
nkeys==0.2.1 \\
    --hash=sha256:3a201dcd203d8bb05ba2884d441b2c92918b2a537a10d324e73738887dde9da3
"""


def _wheels(lock: Path, python: str, platform: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Nothing is downloaded but what the index says of each package."""
    what = ["--dry-run", "--target", str(folder), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    where = ["--python-version", python, "--python-platform", platform]
    command: list[str | Path] = [find_uv_bin(), "pip", "install", *what, *where, "--requirement", lock]
    return subprocess.run(command, env=_environment(), check=False, capture_output=True, text=True)


def _interpreter_of(version: str) -> str | None:
    """One that runs: of the PATH, where a pyenv shim may be dead, or of pyenv itself."""
    own = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"{version}.*/bin/python")
    for one in (f"python{version}", *map(str, sorted(own))):
        if (
            shutil.which(one)
            and subprocess.run([one, "-c", "import venv"], capture_output=True, check=False).returncode == 0
        ):
            return one
    return None


def _interpreter_with(pip: str, path: Path) -> Path:
    """An interpreter whose new environments have this pip."""
    path.write_text(
        f'#!/bin/sh\n"{sys.executable}" "$@" || exit\n[ "$2" != venv ] || '
        f'.venv/bin/python -m pip install --quiet "pip=={pip}"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def _pip(python: Path) -> Sequence[str | Path]:
    return [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]


def _run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=_environment(), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environment() -> dict[str, str]:
    """That of a newcomer: no `make` around it, no package of this environment. Compiling takes half of the time."""
    mine = ("MAKE", "PYTHON", "VAPORA_", "RAY_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)} | {"PIP_NO_COMPILE": "1"}
