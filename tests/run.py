"""All tests, as `make test` runs them: those on Ray and in a browser in a process of their own, beside all others.

    python -m tests.run [options of pytest]

They mostly wait for other processes, the others mostly compute: on two cores both together take little longer than
either alone. What is said on Ray and in the browser is printed when both are done. Of what is tried at random moments
this takes a sample, new ones each time; `make soak` and pytest by itself take all.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

_PYTEST = (sys.executable, "-m", "pytest")
# Where the tests on Ray and in a browser stand, as `tests/conftest.py` sees to: collecting all others takes a while.
ROOMS_APART = ("tests/cluster", "tests/web")
_APART = ("-m", "ray or browser", *ROOMS_APART)
_OTHERS = ("-m", "not index and not ray and not browser")
_NOTHING_CHOSEN = 5  # by options such as -k; of no concern while the other process has something
_SAMPLE = {
    "VAPORA_CHAOS_ROUNDS": "40",
    "VAPORA_WORK_ROUNDS": "8",
    "VAPORA_LANDING_ROUNDS": "4",
    "VAPORA_RAY_CHAOS_ROUNDS": "4",
    "VAPORA_RAY_WORK_ROUNDS": "2",
    "VAPORA_START_MOMENTS": "6",
}


def main(options: list[str]) -> int:
    environ = _SAMPLE | os.environ
    with tempfile.TemporaryFile("w+") as said:
        # In the same process group: Ctrl-C reaches both.
        apart = subprocess.Popen([*_PYTEST, *_APART, *options], env=environ, stdout=said, stderr=subprocess.STDOUT)
        try:
            others = subprocess.run([*_PYTEST, *_OTHERS, *options], env=environ, check=False).returncode
        finally:
            code = apart.wait()
        said.seek(0)
        print(f"\nOn Ray and in a browser:\n{said.read()}", flush=True)
    codes = {others, code}
    if codes - {0, _NOTHING_CHOSEN}:
        return 1
    return 0 if 0 in codes else _NOTHING_CHOSEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
