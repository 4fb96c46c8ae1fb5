"""How often what is tried at random moments is tried: in full, or less in the sample of `tests/run.py`.

The variables are taken out of the environment: VAPORA warns of names that are no settings of its own.
"""

from __future__ import annotations

import os


def _asked(name: str, in_full: int) -> int:
    return int(os.environ.pop(f"VAPORA_{name}", in_full))


CHAOS = _asked("CHAOS_ROUNDS", 100)
WORK = _asked("WORK_ROUNDS", 30)
FLOW = _asked("FLOW_ROUNDS", 30)
LANDING = _asked("LANDING_ROUNDS", 6)
DOCUMENTING = _asked("DOCUMENTING_ROUNDS", 4)
RAY_CHAOS = _asked("RAY_CHAOS_ROUNDS", 10)
RAY_WORK = _asked("RAY_WORK_ROUNDS", 4)
# What carries calls between processes in the tests that share a platform on Ray; `make soak` tries both.
RAY_TRANSPORT = os.environ.pop("VAPORA_RAY_TRANSPORT", "direct")
REPLAY = _asked("REPLAY_ROUNDS", 60)
START_MOMENTS = _asked("START_MOMENTS", 17)
SCHEMA_CASES = _asked("SCHEMA_CASES", 270)
SCHEMA_EVERY = _asked("SCHEMA_EVERY", 1)
# How many of the benchmarks are run, and whether the image for work on the sources is built.
BENCHMARKS = _asked("BENCHMARKS", 100)
DEVELOPMENT_IMAGE = _asked("DEVELOPMENT_IMAGE", 1)
