"""The environment of the others: made once, beside ours, so that nothing of them is in our locks."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = ("langgraph==1.2.24", "langgraph-checkpoint==4.3.2", "langgraph-checkpoint-sqlite==3.1.2", "dbos==3.4.0")


def python() -> Path:
    """The interpreter that has them; some seconds at the first call. `VAPORA_BENCHMARK_CACHE`: where it is kept."""
    kept = Path(os.environ.get("VAPORA_BENCHMARK_CACHE") or _cache() / "vapora-benchmarks")
    version = ".".join(map(str, sys.version_info[:2]))
    name = hashlib.sha256("\n".join((version, *PINS)).encode()).hexdigest()[:12]
    folder, made = kept / name, kept / f"{name}.made"
    interpreter = folder / "bin" / "python"
    if not (made.exists() and interpreter.exists()):
        kept.mkdir(parents=True, exist_ok=True)
        _make(folder, interpreter)
        made.touch()
    return interpreter


def _make(folder: Path, interpreter: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    print(f"making {folder} with {', '.join(PINS)}", file=sys.stderr)
    if uv:
        _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(interpreter), *PINS)
    else:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        _run(str(interpreter), "-m", "pip", "install", "--quiet", *PINS)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
