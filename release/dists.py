"""The wheel and the source distribution: made, made again elsewhere, described, and installed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

_TRIED = "import vapora; from vapora import Client; Client('http://127.0.0.1:1').close(); print(vapora.__version__)"


def build(source: Path, into: Path, epoch: str) -> list[Path]:
    """Both, of the sources in `source`, dated `epoch`. Nothing is downloaded but what the board is built with."""
    into.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "hatchling", "build", "-d", into], source, SOURCE_DATE_EPOCH=epoch)
    return dists(into)


def dists(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])


def built_twice(source: Path, into: Path, epoch: str) -> list[str]:
    """Build, and build once more from the source distribution alone, in another folder: what differs."""
    for old in [*dists(into), *into.glob("*.cdx.json")]:
        old.unlink()
    first = build(source, into, epoch)
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = unpacked(next(one for one in first if one.name.endswith(".tar.gz")), Path(folder))
        second = build(elsewhere, Path(folder) / "dist", epoch)
        if [one.name for one in first] != [one.name for one in second]:
            return [f"Other files come of the source distribution: {', '.join(one.name for one in second)}."]
        return [
            f"{one.name} is another when it is built from the source distribution: it cannot be reproduced."
            for one, two in zip(first, second, strict=True)
            if digest(one) != digest(two)
        ]


def unpacked(sdist: Path, into: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    return into / sdist.name.removesuffix(".tar.gz")


def described(folder: Path) -> str:
    """Empty where the package index would show the description of each as it is meant; else what twine says."""
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *map(str, dists(folder))]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def installed(
    wheel: Path, version: str, python: str = sys.executable, extras: str = "", imports: Sequence[str] = ()
) -> list[str]:
    """Install it into an environment of its own, from the package index, alone and then with `extras`, which are to
    bring what `imports` need: what does not work there."""
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / "env" / "bin" / "python"
        _run([python, "-m", "venv", "--without-pip", inside.parents[1]], Path(folder))

        def tried(wanted: str, *code: str) -> list[str]:
            _run([sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", inside, wanted], Path(folder))
            said = [_run([inside.with_name("vapora"), "--version"], Path(folder)).strip()]
            said += [_run([inside, "-c", one], Path(folder)).strip() for one in (_TRIED, *code)]
            return [f"Installed, it says that it is {one}, and not {version}." for one in said if one != version]

        found = tried(str(wheel))
        if extras:
            found += tried(f"{wheel}[{extras}]", *(f"import {one}; print({version!r})" for one in imports))
        return found


def sums(folder: Path) -> str:
    """The lines of SHA256SUMS, as `sha256sum --check` reads them."""
    files = sorted(one for one in folder.iterdir() if one.is_file() and one.name != "SHA256SUMS")
    return "".join(f"{digest(one)}  {one.name}\n" for one in files)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _run(command: Sequence[str | Path], folder: Path, **environ: str) -> str:
    """Raises `RuntimeError` with what it said where it fails."""
    # Not of this environment: neither its packages nor what `make` was called with.
    mine = ("MAKE", "PYTHON", "VAPORA_", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if not name.startswith(mine)} | environ
    done = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}".strip())
    return done.stdout
