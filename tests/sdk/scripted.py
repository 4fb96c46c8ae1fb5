"""A server that answers as a test says, and takes note of what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# Status, body and headers; None: the connection is closed without a word.
Answer = tuple[int, Any, dict[str, str]] | None
Script = Callable[["Asked"], Answer]


@dataclass(frozen=True)
class Asked:
    number: int
    method: str
    path: str
    key: str | None
    body: bytes
    query: str = ""


@dataclass
class Server:
    url: str
    asked: list[Asked] = field(default_factory=list)


def ok(body: Any) -> Answer:
    return 200, body, {}


@contextmanager
def server(script: Script) -> Iterator[Server]:
    made = Server("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(len(made.asked), self.command, path, self.headers.get("Idempotency-Key"), body, query)
            made.asked.append(asked)
            answer = script(asked)
            if answer is None:
                self.close_connection = True
                return
            status, told, headers = answer
            text = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(text)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield made
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def card(**fields: Any) -> dict[str, Any]:
    """A card as a server answers it."""
    plain: dict[str, Any] = {
        "id": "task-1", "project_id": "p-1", "title": "Do it", "type": "feature", "task_type": "code-generation",
        "task_type_reason": "", "role": None, "priority": 50, "review": "human", "deadline": None, "blocked_by": [],
        "assignee": None, "state": "in-progress", "waiting": None, "assigned_agent": "developer",
        "cost_microusd": 12_300, "runs": [], "comment": "", "created_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-20T09:00:00Z",
        "rank": "m", "position": 7, "simulated": False, "description": "", "context": {},
    }  # fmt: skip
    return plain | fields
