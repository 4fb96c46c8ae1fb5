"""A client of a VAPORA that runs: tasks are handed in over HTTP, and their end is heard of over one WebSocket.

Plain streams instead of a client library, which would take as much of the two cores as the server.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import deque
from typing import Any

from websockets.asyncio.client import connect

from benchmarks.sides import loop, tasks

_ENDS = ('"state":"done"', '"state":"failed"')


class Connections:
    """To one server, kept open, as many as are needed at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reader, writer = streams = await self._streams()
        content = json.dumps(body).encode()
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = await _answer(reader)
        self._free.append(streams)
        return answer

    async def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():  # the server closes what nobody used for 5 s
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


async def _answer(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = head.split(maxsplit=2)[1]
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if "content-length" in headers:
        content = await reader.readexactly(int(headers["content-length"]))
    else:
        content = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            content += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    if not status.startswith("2"):
        raise RuntimeError(f"{status}: {content.decode()}")
    answer: dict[str, Any] = json.loads(content)
    return answer


class Client:
    def __init__(self, port: int) -> None:
        self._port = port
        self._http = Connections(port)
        self._numbers = itertools.count()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._ended: dict[str, str] = {}
        self._project = ""

    async def begin(self) -> None:
        for agent in tasks.AGENTS:
            await self._http.ask("PATCH", f"/agents/{agent}", {"capacity": tasks.CAPACITY})
        self._project = (await self._http.ask("POST", "/projects", {"name": "Engine"}))["id"]

    async def follow(self, listening: asyncio.Event) -> None:
        async with connect(f"ws://127.0.0.1:{self._port}/api/v1/live", compression=None, max_size=None) as socket:
            await socket.send(json.dumps({"heartbeat_s": 60}))
            async for frame in socket:
                text = frame if isinstance(frame, str) else frame.decode()
                listening.set()
                if any(end in text for end in _ENDS):
                    for change in json.loads(text)["rows"]:
                        if change["view"] == "task" and change["row"].get("state") in ("done", "failed"):
                            self._over(change["row"]["id"], change["row"]["state"])
        raise RuntimeError("the live socket was closed")

    def _over(self, task: str, state: str) -> None:
        if (waiting := self._waiting.pop(task, None)) is None:
            self._ended[task] = state
        elif state == "done":
            waiting.set_result(None)
        else:
            waiting.set_exception(RuntimeError(f"{task} failed"))

    async def task(self) -> None:
        number = next(self._numbers)
        body = {
            "project_id": self._project,
            "title": tasks.title(number),
            "task_type": tasks.task_type(number),
            "review": "none",
        }
        task = (await self._http.ask("POST", "/tasks", body))["task_id"]
        if state := self._ended.pop(task, ""):
            if state == "failed":
                raise RuntimeError(f"{task} failed")
            return
        waiting = self._waiting[task] = asyncio.get_running_loop().create_future()
        await waiting


async def main(port: int) -> None:
    client = Client(port)
    await client.begin()
    listening = asyncio.Event()
    following = asyncio.create_task(client.follow(listening))
    await listening.wait()
    loads = loop.loads()
    while (load := await asyncio.to_thread(next, loads, None)) is not None:
        await asyncio.wait(
            [asyncio.create_task(loop.run(load, client.task)), following], return_when=asyncio.FIRST_COMPLETED
        )
        if following.done():
            following.result()
    following.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
