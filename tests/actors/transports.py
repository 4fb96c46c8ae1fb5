"""One actor behind each transport, for the contract that they share (`test_transports.py`, `tests/cluster`).

The actor stands at two addresses: at the log's all its methods may be sent again, and at the router's one may not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import uvloop

from actors.runtime.base import Address, Runtime
from actors.runtime.direct import DirectLine, Door
from actors.runtime.lines import Answering, CutError, FarRef, Line
from actors.runtime.local import LocalRuntime
from vapora.errors import ConflictError, MergeConflictError, RateLimitedError

REPEATED = Address("log", "default")
ONCE = Address("router")
ERRORS = {
    "conflict": ConflictError("It has changed.", remedy="Look again.", stream="task-1", version=3),
    "paths": MergeConflictError("Both changed it.", paths=("a.py", "b.py")),
    "provider": RateLimitedError("Slow down.", retry_after_s=1.5),
    "foreign": ValueError("no number"),
}


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Probe:
    """What a caller can try. Its notes lie in a folder, where they outlive its process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = asyncio.Event()
        self._now = self._most = 0

    async def start(self) -> None:
        self._note("starts", "x")

    async def stop(self) -> None:
        pass

    async def health(self) -> dict[str, Any]:
        return {"pid": os.getpid()}

    async def echo(self, value: Any, *, times: int = 1) -> Any:
        return value * times

    async def fail(self, how: str) -> None:
        if how == "unpicklable":
            raise Unpicklable(1, 2)
        raise ERRORS[how]

    async def die(self) -> None:
        self._note("deaths", "x")
        os.kill(os.getpid(), signal.SIGKILL)

    async def die_once(self) -> str:
        if self._count("deaths"):
            return "alive"
        await self.die()
        return "dead"

    # At the router's address this one is never sent again.
    async def complete(self) -> str:
        return await self.die_once()

    async def hold(self, name: str) -> str:
        """Until `release`."""
        self._note("held", f"{name}\n")
        self._now += 1
        self._most = max(self._most, self._now)
        try:
            await self._open.wait()
        except asyncio.CancelledError:
            self._note("cancelled", f"{name}\n")
            raise
        finally:
            self._now -= 1
        self._note("ended", f"{name}\n")
        return name

    async def release(self) -> None:
        self._open.set()

    async def most_at_once(self) -> int:
        return self._most

    async def cancel_itself(self) -> None:
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        await never

    def _note(self, name: str, text: str) -> None:
        with (self._folder / name).open("a") as file:
            file.write(text)

    def _count(self, name: str) -> int:
        return len(notes(self._folder, name))


def notes(folder: Path, name: str) -> list[str]:
    file = folder / name
    text = file.read_text() if file.exists() else ""
    return text.splitlines() if "\n" in text else list(text)


def builder(folder: str) -> Callable[[Address, Runtime], Probe]:
    """As a `HostConfig` names it."""
    return lambda _address, _runtime: Probe(Path(folder))


class Transport(Protocol):
    folder: Path

    def ref(self, address: Address) -> Any: ...

    async def close(self) -> None: ...


class LocalTransport:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runtime = LocalRuntime(builder(str(folder)))

    def ref(self, address: Address) -> Any:
        return self._runtime.ref(address)

    async def close(self) -> None:
        await self._runtime.shutdown()


class DirectTransport:
    """A process that answers at a door, started anew when it is gone: what Ray does for a host, without Ray.

    `through(path)` gives another path that leads there, as a proxy does. `secret`: over TCP, for who knows it."""

    def __init__(
        self,
        folder: Path,
        most_in_flight: int = 1_000,
        through: Callable[[str], Awaitable[str]] | None = None,
        secret: bytes = b"",
    ) -> None:
        self.folder = folder
        self._secret = secret
        self.lines_made = 0
        self._most = most_in_flight
        self._through = through
        self._process: asyncio.subprocess.Process | None = None
        self._path = ""
        self._line: Line | None = None
        self._lock = asyncio.Lock()

    def ref(self, address: Address) -> Any:
        return FarRef(self, address, "host")

    async def connect(self, host: str) -> Line:
        async with self._lock:
            if self._process is not None and self._process.returncode is not None:
                self._process = None
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    *command(self.folder, self._secret), stdout=asyncio.subprocess.PIPE
                )
                assert self._process.stdout is not None
                self._path = (await self._process.stdout.readline()).decode().strip()
            if self._line is None:
                path = await self._through(self._path) if self._through else self._path
                try:
                    opening = (
                        DirectLine.open_far(path, self._secret, self._most)
                        if self._secret
                        else DirectLine.open(path, self._most)
                    )
                    self._line = await opening
                except OSError as error:
                    raise CutError(str(error), sent=False) from error
                self.lines_made += 1
            return self._line

    def forget(self, host: str, line: Line | None) -> None:
        if line is self._line:
            self._line = None

    async def close(self) -> None:
        if isinstance(self._line, DirectLine):
            self._line.close()
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


def command(folder: Path, secret: bytes = b"", address: str = "127.0.0.1") -> list[str]:
    """What answers at a door, whose place is the first line that it says."""
    return [
        sys.executable,
        "-m",
        "tests.actors.transports",
        str(folder),
        *([address, secret.decode()] if secret else []),
    ]


async def answer_at_a_door(folder: Path, address: str = "", secret: str = "") -> None:
    door = Door(Answering(LocalRuntime(builder(str(folder)))).answer)
    print(await (door.open_far(address, secret.encode()) if secret else door.open(folder / "v")), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    # The event loop of Ray's actors.
    uvloop.run(answer_at_a_door(Path(sys.argv[1]), *sys.argv[2:]))
