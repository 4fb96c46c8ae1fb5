"""The owner is killed at any moment, and another one goes on."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.repo.site import TheirRepository, opened

TASKS, KILLS = 6, 10


def test_an_owner_killed_at_random_moments_loses_and_repeats_nothing(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.write({"src/b.py": "mine, not committed\n"})
    command = [sys.executable, "-m", "tests.repo.worker", str(tmp_path / "data"), str(theirs.path), str(tmp_path)]
    chance = random.Random(7)
    for _ in range(KILLS):
        worker = subprocess.Popen([*command, str(TASKS)])
        try:
            worker.wait(chance.uniform(0.3, 1.6))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    assert subprocess.run([*command, str(TASKS)], check=False, timeout=240).returncode == 0

    # Each landed once, on top of the one before, and what was theirs is untouched.
    assert theirs.git("log", "--format=%s").splitlines() == [
        *(f"Land task-{n}" for n in reversed(range(TASKS))),
        "Begin",
    ]
    assert theirs.git("status", "--porcelain").strip() == "M src/b.py"
    assert (theirs.path / "src/b.py").read_text() == "mine, not committed\n"
    assert theirs.git("fsck", "--strict") == ""
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    assert ours.bare.run("fsck").text == ""
    assert ours.sizes() == ()
    assert not list(ours.bare.dir.rglob("*.lock"))
    assert set(ours.branches()) == {f"task-{number}" for number in range(TASKS)}
    ours.close()
