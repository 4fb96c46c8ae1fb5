"""`vapora up` as a process of its own, in a process group of its own, as a terminal starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

# How long it may take to end, as is promised.
ENDS_IN_S = 15.0


class Launched:
    """`said` grows with the lines of its standard error."""

    def __init__(self, data: Path, *arguments: str, **environ: str) -> None:
        command = [sys.executable, "-m", "vapora", "up", "--json", "--data", str(data), *arguments]
        self.data = data
        self.said: list[str] = []
        self._seen: set[psutil.Process] = set()
        self._more = threading.Condition()
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"VAPORA_MODEL": "rehearsal"} | environ,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._more:
                self.said.append(line)
                self._more.notify_all()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def text(self) -> str:
        return "".join(self.said)

    def wait_for_line(self, part: str, within_s: float) -> None:
        with self._more:
            assert self._more.wait_for(lambda: part in self.text, within_s), f"{part!r} is not in {self.text!r}"

    def addresses(self) -> dict[str, Any]:
        """What it says once it is up."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"it ended with {self.process.wait()}: {self.text}"
        told: dict[str, Any] = json.loads(line)
        return told

    def interrupt(self, number: int = signal.SIGINT) -> float:
        """As Ctrl-C does: to the whole group. After how many seconds it had ended."""
        self.look()
        asked = time.monotonic()
        os.killpg(self.process.pid, number)
        self.process.wait(ENDS_IN_S * 3)
        return time.monotonic() - asked

    def look(self) -> None:
        """Remember whom it has started by now: a process whose parent has died cannot be told to be its own."""
        with suppress(psutil.NoSuchProcess):
            self._seen.update(psutil.Process(self.process.pid).children(recursive=True))

    def family(self) -> list[psutil.Process]:
        """What lives of it, apart from itself."""
        self.look()
        return [one for one in self._seen if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def kill(self) -> None:
        """For the end of a test: whatever is left."""
        for one in self.family():
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.kill()
        self.process.wait()
