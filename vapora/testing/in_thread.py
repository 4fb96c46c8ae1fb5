"""A real HTTP server on loopback, in a thread with a loop of its own: what the fakes of other programs are served by.

Also an async context manager."""

from __future__ import annotations

import asyncio
import socket
import threading
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp

from vapora.listener import bound

START_TIMEOUT_S = 20.0


class InThread:
    """`application` is what it serves. Stopped and started again it listens at the same port."""

    def __init__(self) -> None:
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread: threading.Thread | None = None

    # What a fake says.

    def application(self) -> ASGIApp:
        raise NotImplementedError

    def protocol(self) -> Any:
        """As `uvicorn.Config(http=…)` takes it."""
        return "h11"

    def before_the_end(self) -> None:
        """In the loop, when it is to stop."""

    # Its life.

    def start(self) -> Self:
        listener = bound("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        self._stopping = asyncio.Event()
        ready = threading.Event()
        name = type(self).__name__
        self._thread = threading.Thread(target=self._serve, args=(listener, ready), name=name, daemon=True)
        self._thread.start()
        if not ready.wait(START_TIMEOUT_S):
            raise RuntimeError("the fake did not start")
        return self

    def stop(self) -> None:
        """What still waits for an answer is dropped."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(START_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        import uvicorn

        config = uvicorn.Config(
            self.application(),
            http=self.protocol(),
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            timeout_graceful_shutdown=0,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)

        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            await server.startup(sockets=[listener])
            ready.set()
            await self._stopping.wait()
            self.before_the_end()
            server.force_exit = True  # calls that are held back are not waited for
            await server.shutdown(sockets=[listener])

        asyncio.run(run())
