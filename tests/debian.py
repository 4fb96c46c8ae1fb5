"""Debian packages that some tests need. In CI, as root, they are installed; on a person's machine never."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from vapora import file_lock

_PATIENCE_S = 300


def install(*packages: str) -> None:
    """Nothing where this is not CI, or not root on a Debian. Tests run in several processes: one after the other."""
    if not os.environ.get("CI") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    with (Path(tempfile.gettempdir()) / "vapora-tests-apt.lock").open("w") as lock:
        file_lock.lock(lock, _PATIENCE_S)
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        subprocess.run(command, check=True, capture_output=True, env=environ)
