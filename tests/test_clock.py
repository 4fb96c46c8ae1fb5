from __future__ import annotations

import os

from vapora.clock import new_id


def test_names_are_never_the_same() -> None:
    made = [new_id("task") for _ in range(5_000)]
    assert len(set(made)) == len(made)
    assert all(len(name) == len("task-") + 15 for name in made)


def test_a_forked_process_makes_other_names() -> None:
    new_id("task")  # so that some are drawn, and waiting
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "\n".join(new_id("task") for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as told:
        theirs = told.read().split()
    assert len(theirs) == 50
    assert not set(theirs) & {new_id("task") for _ in range(5_000)}
