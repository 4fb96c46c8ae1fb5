"""All benchmarks, one after the other: `make bench`, or `python -m benchmarks [--folder DIR] [NAME …]`.

Each in a process of its own, so that none inherits another's threads and memory.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# Those that write to a disk take --folder: where /tmp is memory, an fsync costs nothing.
ON_DISK = (
    "log_append",
    "postgres",
    "poll_latency",
    "actor_start",
    "verify",
    "worktree",
    "workspaces",
    "engine",
    "start",
    "intake",
    "workflows",
    "search",
)
NAMES = (
    *ON_DISK,
    "postgres_workspaces",
    "decision",
    "rebuild",
    "past",
    "board",
    "queue",
    "live",
    "sandbox",
    "transport",
    "web",
    "knowledge",
    "learning",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; absent: all")
    parser.add_argument("--folder", type=Path, help="a folder on the disk that is to be measured")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    failed = []
    for name in arguments.names or NAMES:
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if arguments.folder is not None and name in ON_DISK:
            command += ["--folder", str(arguments.folder)]
        print(f"\n== {name} ==", flush=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
