"""Run as a program, to be killed: does a few tasks from beginning to landing, each step as after a crash.

python -m tests.repo.worker DATA THEIRS ROOT TASKS
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.repo.site import opened, step
from vapora.repo.owner import Repository


def work(ours: Repository, name: str) -> None:
    tree = ours.start(name)
    if tree.head == tree.base:
        ours.set_back(name, tree.head)
        (tree.path / f"{name}.txt").write_text(f"{name}\n")
        ours.commit(name, step())
    ours.land(name, step(f"Land {name}"))
    ours.remove(name)


def main() -> None:
    data, theirs, root, tasks = sys.argv[1:]
    ours = opened(Path(data), theirs, Path(root))
    for number in range(int(tasks)):
        work(ours, f"task-{number}")
    ours.close()


if __name__ == "__main__":
    main()
