"""A real NATS server on loopback, with its store in a temporary folder; ended by its process id."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ports import free_port
from vapora.queue.nats.options import NatsOptions

_READY_S = 120


def program() -> str:
    """The one that the package brings, beside this Python; else one of the machine."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    assert found, "nats-server is missing: install the dev group"
    return found


class NatsServer:
    """`settings` go into its configuration, as JSON, which its format includes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.port = free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def options(self) -> NatsOptions:
        return NatsOptions(self.url)

    async def start(self) -> None:
        """On the store and the port that it had before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "host": "127.0.0.1",
            "port": self.port,
            "jetstream": {"store_dir": str(self.folder / "store")},
            **self._settings,
        }
        file = self.folder / "nats.conf"
        file.write_text(json.dumps(config), encoding="utf-8")
        self._process = self._launch(file)
        async with asyncio.timeout(_READY_S):
            while not await self._greets():
                assert self._process.poll() is None, (self.folder / "nats.log").read_text()
                await asyncio.sleep(0.01)

    def _launch(self, config: Path) -> subprocess.Popen[bytes]:
        with (self.folder / "nats.log").open("ab") as log:
            return subprocess.Popen([program(), "-c", str(config)], stdout=log, stderr=log)

    @property
    def running(self) -> bool:
        return self._process is not None

    def strike(self) -> None:
        """As kill -9 does: nothing is written any more."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def kill(self) -> None:
        await asyncio.to_thread(self.strike)

    def lose(self) -> None:
        """All that it had stored is gone. Only while it is away."""
        assert not self.running
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def said(self) -> str:
        return (self.folder / "nats.log").read_text(encoding="utf-8")

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        greeting = await reader.readline()
        writer.close()
        return greeting.startswith(b"INFO")
