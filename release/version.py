"""Whether what is to be released is one version: in the tag, the project's file, the package and the changelog."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from packaging.version import InvalidVersion, Version

_DATED = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<day>\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def faults(*, project: str, package: str, changelog: str, tag: str | None) -> list[str]:
    """What stands in the way, a sentence each. `project`: the version of pyproject.toml; `package`: of
    `vapora.__version__`; `changelog`: its text; `tag`: None where none is made yet."""
    found = []
    try:
        if str(Version(project)) != project:
            found.append(f"The version {project} is to be written {Version(project)}.")
    except InvalidVersion:
        found.append(f"{project} is no version as Python packages have them (PEP 440).")
    if package != project:
        found.append(f"vapora.__version__ is {package}, and pyproject.toml says {project}: make them the same.")
    newest = _DATED.search(changelog)
    if newest is None or newest["version"] != project:
        found.append(
            f"The newest entry of CHANGELOG.md is not “## [{project}] - YYYY-MM-DD”: give what stands under "
            "[Unreleased] that heading, with the day of the release."
        )
    if tag is not None and tag != f"v{project}":
        found.append(f"The tag is {tag}, and the version is {project}: tag it v{project}, or change the version.")
    return found


def tree_faults(root: Path) -> list[str]:
    """What is not committed: nobody else could build the same."""
    changed = _git(root, "status", "--porcelain").splitlines()
    shown = ", ".join(line[3:] for line in changed[:5]) + (", …" if len(changed) > 5 else "")
    return [f"{len(changed)} files are not as committed ({shown}): commit or remove them."] if changed else []


def committed_at(root: Path) -> str:
    """When the commit was made, in seconds since 1970: the time that everything in a release is dated."""
    return _git(root, "log", "-1", "--format=%ct").strip()


def _git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout
