"""A task's worktree of many files, beside what bare git takes for the same.

    python -m benchmarks.worktree [--files 20000] [--rounds 5] [--folder DIR]

"git" is one git command with the machine's own settings, "ours" the call that the platform makes, with its switches,
checks and records.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from vapora.private_dirs import delete_tree
from vapora.repo.bare import Person
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source

_FILE = "x = 1  # a line of code like many others\n" * 100
VAPORA = Person("VAPORA", "vapora@localhost")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def source(folder: Path, files: int) -> None:
    for number in range(files):
        place = folder / f"d{number % 200}" / f"f{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"# {number}\n{_FILE}")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Begin")
    # As a repository that has been in use for a while is: packed.
    git(folder, "repack", "-a", "-d", "--quiet")


def took(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def change(tree: Path, number: int) -> None:
    (tree / "d1" / "f1.py").write_text(f"changed {number}\n")


class Bench:
    def __init__(self, folder: Path, files: int) -> None:
        self.theirs, self.folder = folder / "theirs", folder
        self.theirs.mkdir()
        source(self.theirs, files)
        self.times: dict[str, tuple[list[float], list[float]]] = {}

    def note(self, name: str, git_s: float, ours_s: float) -> None:
        for times, seconds in zip(self.times.setdefault(name, ([], [])), (git_s, ours_s), strict=True):
            times.append(seconds)

    def both(self, name: str, plain: Callable[[], object], ours: Callable[[], object]) -> None:
        # In turns: what the first one writes is still on its way to the disk while the second one runs.
        if len(self.times.get(name, ([], []))[0]) % 2:
            own = took(ours)
            self.note(name, took(plain), own)
        else:
            self.note(name, took(plain), took(ours))

    def clone(self) -> Repository:
        plain = took(
            lambda: git(self.folder, "clone", "--quiet", "--bare", str(self.theirs), str(self.folder / "plain"))
        )
        begun = time.perf_counter()
        where = parse_source(str(self.theirs), [self.folder])
        ours = Repository(self.folder / "ours", where, os.environ, VAPORA)
        self.note("clone", plain, time.perf_counter() - begun)
        return ours

    def round(self, ours: Repository, number: int) -> None:
        name, plain = f"task-{number}", self.folder / f"tree-{number}"
        add = ("worktree", "add", "--quiet", "-b", name, str(plain), "main")
        self.both("worktree", lambda: git(self.folder / "plain", *add), lambda: ours.start(name))
        tree = ours.trees.path(name)
        for where in (plain, tree):
            change(where, number)
        self.both("status", lambda: git(plain, "status", "--porcelain"), lambda: ours.changed_paths(name))

        def commit() -> None:
            git(plain, "add", "--all")
            git(plain, "commit", "--quiet", "-m", "Step")

        step = StepCommit("Step", VAPORA, datetime.now(UTC), {"Vapora-Task": name})
        self.both("commit 1", commit, lambda: ours.commit(name, step))
        for where in (plain, tree):
            change(where, -number - 1)
        self.both("commit 2", commit, lambda: ours.commit(name, step))
        self.both("changes", lambda: git(plain, "diff", "main", name), lambda: ours.changes(name))

        def undo() -> None:
            git(plain, "reset", "--quiet", "--hard", name)
            git(plain, "clean", "-fdq")

        self.both("set back", undo, lambda: ours.set_back(name, ours.trees.get(name).head))
        remove = ("worktree", "remove", "--force", str(plain))
        self.both("remove", lambda: git(self.folder / "plain", *remove), lambda: ours.remove(name))
        self.note("  later", 0, took(ours.empty_trash))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        bench = Bench(Path(name), arguments.files)
        ours = bench.clone()
        for number in range(arguments.rounds):
            bench.round(ours, number)
        ours.close()
        delete_tree(Path(name) / "ours")
    print(f"{arguments.files:,} files, {arguments.rounds} rounds, medians in ms")
    print(f"{'':<10}{'git':>9}{'ours':>9}{'beyond':>9}")
    for what, (plain, own) in bench.times.items():
        a, b = statistics.median(plain) * 1_000, statistics.median(own) * 1_000
        print(f"{what:<10}{a:>9.1f}{b:>9.1f}{b - a:>9.1f}")


if __name__ == "__main__":
    main()
