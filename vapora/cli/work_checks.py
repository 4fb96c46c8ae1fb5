"""What `vapora doctor` finds about work in repositories: git, and what keeps commands apart."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from vapora.cli.checks import Finding, bad, good, warn

if TYPE_CHECKING:
    from vapora.sandbox.values import Kind
    from vapora.settings import Settings

# The first whose `merge-tree` merges without a checkout.
_OLDEST_GIT = (2, 38)
_GIT_S = 10.0


def git(environ: Mapping[str, str]) -> Iterator[Finding]:
    program = shutil.which("git", path=environ.get("PATH"))
    if program is None:
        yield warn("git", "it is not installed", "Projects with a repository need it, 2.38 or newer.")
        return
    try:
        done = subprocess.run(  # noqa: S603 - the git that work in repositories uses too
            [program, "--version"], capture_output=True, text=True, timeout=_GIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield bad("git", f"{program} does not run: {error}", "Install git again.")
        return
    found = re.search(r"(\d+)\.(\d+)\S*", done.stdout)
    version = tuple(map(int, found.groups())) if found else (0, 0)
    if version < _OLDEST_GIT:
        told = f"{done.stdout.strip()} is too old for work in repositories"
        yield warn("git", told, "Install 2.38 or newer: it merges without a checkout.")
    else:
        yield good("git", f"{done.stdout.strip()} at {program}")


def sandboxes(settings: Settings) -> Iterator[Finding]:
    """Each is tried with a small command."""
    from vapora.sandbox.choice import probe

    async def look(kinds: tuple[Kind, ...]) -> list[tuple[Kind, str | None, str]]:
        found = [await probe(kind) for kind in kinds]
        return [(one.kind, one.problem, one.remedy) for one in found]

    wish = settings.sandbox
    if wish == "none":
        told = "VAPORA_SANDBOX=none: commands of agents may do all that the user who runs VAPORA may do"
        yield warn("sandbox", told, "Take VAPORA_SANDBOX away, unless you mean it.")
    kinds: tuple[Kind, ...] = ("bubblewrap", "sandlock")
    # In a thread of its own: a loop may run in this one.
    with ThreadPoolExecutor(1) as thread:
        tried = thread.submit(lambda: asyncio.run(look(kinds))).result()
    working = [kind for kind, problem, _ in tried if problem is None]
    chosen = next((kind for kind in working if wish in ("auto", kind)), None)
    if wish != "none" and chosen is None:
        yield warn(
            "sandbox",
            f"none works here for VAPORA_SANDBOX={wish}, so that agents run no commands",
            "See below what each needs.",
        )
    for kind, problem, remedy in tried:
        if problem is not None:
            yield warn("sandbox", problem, remedy)
        elif kind == chosen:
            yield good("sandbox", f"{kind} works, and commands of agents run in it")
        else:
            yield good("sandbox", f"{kind} works too")
