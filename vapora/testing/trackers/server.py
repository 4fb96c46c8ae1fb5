"""What both fakes are: a server in a thread, whose answers can be held up, limited, lost, or refused."""

from __future__ import annotations

import hmac
import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from hashlib import sha256
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vapora.testing.in_thread import InThread

TOKEN = "canary-tracker-token"  # noqa: S105


class Fault(Enum):
    """Of the next request; those for changes wait for the next one that changes something."""

    OUTAGE = "503"
    NO_JSON = "a page in HTML instead of JSON"
    LIMIT = "the hourly limit is used up"
    SECONDARY = "too many changes at once"
    SIGN_IN = "the token is not known any more"
    LOST_ANSWER = "the change is made, its answer lost"
    REFUSED = "422"


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook's, as it goes over the wire."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Saying:
    id: int
    text: Any
    author: str
    at: datetime
    kind: str = "comment"
    verdict: str = ""
    path: str = ""
    line: int | None = None


@dataclass
class Thread:
    """An issue, or a pull request."""

    number: int
    title: str
    body: Any
    author: str
    labels: list[str]
    at: datetime
    updated: datetime
    state: str = "open"
    priority: str = "Medium"
    type: str = "Task"
    said: list[Saying] = field(default_factory=list)
    branch: str = ""
    base: str = ""
    head: str = ""
    merged_as: str = ""
    merged_by: str = ""


class FakeTracker(InThread):
    """`faults`: of the next requests, in turn. `requests`: what it was asked, as `METHOD /path`. `spent`: requests that
    counted against the limit. `messages`: the webhooks that it would send; `secret` signs them."""

    me = "vapora-bot"

    def __init__(self) -> None:
        super().__init__()
        self.faults: deque[Fault] = deque()
        self.down = False
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.spent = 0
        self.reset_s = 1.0
        self.secret = "canary-signing-secret"  # noqa: S105
        self.messages: list[Message] = []
        # What is called with each message, in the thread that caused it.
        self.tell: Callable[[Message], None] | None = None
        self.threads: dict[int, Thread] = {}
        self.lock = threading.RLock()
        self.ids = itertools.count(1_001)
        self._last = datetime.now(UTC)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def now(self) -> datetime:
        """Each instant is later than the one before, so that orders are certain."""
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._last

    def comments_of(self, number: int) -> list[Saying]:
        with self.lock:
            return list(self.threads[number].said)

    def message(self, said: dict[str, Any], headers: dict[str, str]) -> Message:
        body = json.dumps(said).encode()
        signature = "sha256=" + hmac.new(self.secret.encode(), body, sha256).hexdigest()
        made = Message({"content-type": "application/json", self.signature_header: signature, **headers}, body)
        self.messages.append(made)
        if self.tell is not None:
            self.tell(made)
        return made

    signature_header = "x-hub-signature"

    # What a fake of one vendor says.

    def knows(self, authorization: str) -> bool:
        raise NotImplementedError

    def limited(self, fault: Fault) -> Response:
        raise NotImplementedError

    def answer(self, request: Request, body: dict[str, Any]) -> Response:
        raise NotImplementedError

    def refusal(self, status: int, message: str) -> Response:
        raise NotImplementedError

    # The server.

    def application(self) -> ASGIApp:
        app = Starlette()
        app.mount("/", self._serve_one)
        return app

    async def _serve_one(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        content = await request.body()
        with self.lock:
            response = self._respond(request, content)
        if response is None:
            # Begun, and cut off: uvicorn closes the connection of who has not said all that was promised.
            headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
            return
        await response(scope, receive, send)

    def _respond(self, request: Request, content: bytes) -> Response | None:
        changes = request.method not in ("GET", "HEAD")
        self.requests.append(f"{request.method} {request.url.path}")
        self.headers.append(dict(request.headers))
        if self.down:
            return Response("<html>down</html>", 503)
        fault = None
        if self.faults and (changes or self.faults[0] not in (Fault.LOST_ANSWER, Fault.REFUSED, Fault.SECONDARY)):
            fault = self.faults.popleft()
        match fault:
            case Fault.OUTAGE:
                return Response("<html>down</html>", 503)
            case Fault.NO_JSON:
                return Response("<html>a proxy says hello</html>", 200)
            case Fault.LIMIT | Fault.SECONDARY:
                return self.limited(fault)
            case Fault.REFUSED:
                return self.refusal(422, "Validation Failed")
            case Fault.SIGN_IN:
                return self.refusal(401, "Bad credentials")
        if not self.knows(request.headers.get("authorization", "")):
            return self.refusal(401, "Bad credentials")
        found = self.answer(request, json.loads(content) if content else {})
        if fault is Fault.LOST_ANSWER:
            return None
        etag = 'W/"' + sha256(bytes(found.body)).hexdigest()[:20] + '"'
        if request.method == "GET" and found.status_code == 200:
            if request.headers.get("if-none-match") == etag:
                return Response(status_code=304, headers={"etag": etag})
            found.headers["etag"] = etag
        self.spent += 1
        return found


def json_answer(said: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(said, status, headers)


def reset_at(after_s: float) -> int:
    return int(time.time() + after_s)
