"""Bodies that are a file: the one kind that is not JSON. Each is bounded in bytes and in time while it arrives, and
goes through a file of the system's, not through memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vapora.api import problems
from vapora.errors import BadInputError

# What a form may have around the file: boundaries and the headers of its part.
_AROUND_BYTES = 65_536
_PATH = re.compile(r"/api/v1/tasks/[^/]+/attachments")

# The body of an upload, as the API's document describes it.
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "One file, with its name: 1 to 200 characters, its own on the card.",
                        }
                    },
                }
            }
        },
    }
}


def is_upload(scope: Scope) -> bool:
    """Whether the body of this request is a file."""
    return scope["type"] == "http" and scope["method"] == "POST" and _PATH.fullmatch(scope["path"]) is not None


class Uploads:
    """Lets the body of an upload through piece by piece, while it keeps to its bounds; touches no other request."""

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float) -> None:
        """`max_bytes`: of the file."""
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not is_upload(scope):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            body = _Body(self, scope["path"], receive, asyncio.get_running_loop().time() + self._timeout_s)
            try:
                await self._app(scope, body.receive, send)
                return
            except ClientDisconnect:
                return  # nobody is there to be answered, and half a file is none
            except _RefusedError as error:  # raised while a route reads, before it has answered
                refusal = error.answer
        await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """By what the request says of itself."""
        headers = Headers(scope=scope)
        declared = headers.get("content-type", "").partition(";")[0].strip().lower()
        if declared != "multipart/form-data":
            return problems.problem(problems.NOT_A_FORM, f"The body is declared as {declared!r}.", scope["path"])
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length[:20]) > self._max_bytes + _AROUND_BYTES:
            return self.too_large(scope["path"])
        return None

    def too_large(self, path: str) -> Response:
        # Closed: what still comes of the body belongs to no request.
        said = f"A file may have {self._max_bytes:,} bytes."
        return problems.problem(problems.TOO_LARGE, said, path, remedy="Send a smaller one.", headers=_CLOSE)

    def too_slow(self, path: str) -> Response:
        said = f"A file has to arrive within {self._timeout_s:g} s."
        return problems.problem(problems.TOO_SLOW, said, path, headers=_CLOSE)

    @property
    def most_bytes(self) -> int:
        return self._max_bytes + _AROUND_BYTES


_CLOSE = {"Connection": "close"}


class _RefusedError(Exception):
    def __init__(self, answer: Response) -> None:
        super().__init__("the upload was refused")
        self.answer = answer


class _Body:
    """Counts what arrives."""

    def __init__(self, uploads: Uploads, path: str, receive: Receive, until: float) -> None:
        self._uploads = uploads
        self._path = path
        self._receive = receive
        self._until = until
        self._bytes = 0
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:  # what comes now is whether the client is still there
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise _RefusedError(self._uploads.too_slow(self._path)) from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._bytes > self._uploads.most_bytes:
                raise _RefusedError(self._uploads.too_large(self._path))
        return message


@asynccontextmanager
async def the_file(request: Request) -> AsyncIterator[tuple[str, UploadFile]]:
    """The one file of the form and its name, without the folders that a client may put in front of it.
    `BadInputError` for any other form."""
    try:
        form = await request.form(max_files=1, max_fields=1)
    except HTTPException as error:
        raise _wrong(f"The form cannot be read: {error.detail}") from None
    try:
        found = [value for _, value in form.multi_items()]
        if len(found) != 1 or not isinstance(found[0], UploadFile) or "file" not in form:
            raise _wrong("The form holds something else than one file called 'file'.")
        yield re.split(r"[/\\]", found[0].filename or "")[-1], found[0]
    finally:
        await form.close()


def _wrong(said: str) -> BadInputError:
    return BadInputError(
        said, remedy="Send multipart/form-data with one part: name=file, and a filename.", field="file"
    )
