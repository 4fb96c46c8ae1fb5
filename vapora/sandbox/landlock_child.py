"""Run as a program of its own: one command under sandlock, which supervises it from this process.

The first argument is a JSON object of sandlock's settings, with the command under `argv`. The standard streams are
the command's. SIGTERM ends the command and all that it started. Imports nothing of ours, to start quickly.
"""

import json
import signal
import sys
import threading

import sandlock

LOST = 125


def main() -> int:
    settings = json.loads(sys.argv[1])
    argv = settings.pop("argv")
    inherit = sandlock.StdioMode.INHERIT
    process = sandlock.Sandbox(**settings).popen(argv, stdin=inherit, stdout=inherit, stderr=inherit)
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    results = []
    waiting = threading.Thread(target=lambda: results.append(process.wait()))
    waiting.start()
    # Not `process.wait()` here: a signal is handled by this thread, and only between two steps of Python.
    while waiting.is_alive():
        waiting.join(60)
    result = results[0]
    if result.error:
        sys.stderr.write(f"sandlock: {result.error}\n")
        return LOST
    return int(128 + result.signal if result.signal > 0 else result.exit_code)


if __name__ == "__main__":
    sys.exit(main())
