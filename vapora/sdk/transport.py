"""Made from async_transport.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel

from vapora import views
from vapora.sdk.paths import DEFAULT_URL, PREFIX, headers, is_local, no_text
from vapora.sdk.problems import NoServerError, problem, unreadable

Shape = TypeVar("Shape", bound=BaseModel)


class Transport:
    """The connection to one server, for one workspace."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        workspace: str = "default",
        timeout: float = 30.0,
        page_size: int = 500,
    ) -> None:
        """`timeout`: seconds for one answer. `page_size`: how many items of a list are asked for at a time."""
        self.url = url.rstrip("/")
        self.workspace = workspace
        self._token = token
        self._timeout = timeout
        self._page_size = page_size
        self._headers = headers(token, workspace)
        world = not is_local(self.url)
        self._http = httpx.Client(base_url=self.url, headers=self._headers, timeout=timeout, trust_env=world)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _items(
        self, path: str, shape: type[Shape], query: Mapping[str, Any], limit: int | None = None, cursor: str = "cursor"
    ) -> Iterator[Shape]:
        """Every item of a list, over as many pages as there are."""
        asked = {name: value for name, value in query.items() if value is not None}
        left = limit
        while left is None or left > 0:
            asked["limit"] = self._page_size if left is None else min(left, self._page_size)
            page = self._get(path, views.Page[shape], asked)  # type: ignore[valid-type]
            yield from page.items[:left]
            left = None if left is None else left - len(page.items)
            # An empty page may have a next one: there was much to look through.
            if page.next is None:
                return
            asked[cursor] = page.next

    def _all(self, path: str, shape: type[Shape], query: Mapping[str, Any]) -> tuple[Shape, ...]:
        return tuple(item for item in self._items(path, shape, query))

    def _get(self, path: str, shape: type[Shape], query: Mapping[str, Any]) -> Shape:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._parse(self._send("GET", path, params=asked), shape)

    def _text(self, path: str, prefix: str = PREFIX, query: Mapping[str, Any] | None = None) -> str:
        answer = self._send("GET", path, prefix, params=dict(query or {}))
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        return answer.content.decode()

    def _bytes(self, path: str, query: Mapping[str, Any]) -> bytes:
        asked = {name: value for name, value in query.items() if value is not None}
        answer = self._send("GET", path, params=asked)
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        return answer.content

    def _ask(
        self,
        method: str,
        path: str,
        shape: type[Shape],
        body: BaseModel | Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Shape:
        return self._parse(self._send_body(method, path, body, key), shape)

    def _write(self, method: str, path: str, body: BaseModel | None = None) -> int:
        answer = self._send_body(method, path, body)
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        return int(answer.headers.get("Vapora-Position") or answer.json()["position"])

    def _send_body(
        self, method: str, path: str, body: BaseModel | Mapping[str, Any] | None, key: str | None = None
    ) -> httpx.Response:
        # Only what was said: the server fills in the defaults, so they stand in one place.
        content = (
            body.model_dump(mode="json", by_alias=True, exclude_unset=True) if isinstance(body, BaseModel) else body
        )
        given = {"Idempotency-Key": key} if key else {}
        return self._send(method, path, json=None if content is None else dict(content), headers=given)

    def _send(self, method: str, path: str, prefix: str = PREFIX, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{prefix}{path}", **options)
        except UnicodeEncodeError as error:
            raise no_text(error) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NoServerError(f"Nobody answers at {self.url}: {error}", url=self.url) from error

    def _parse(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        try:
            return shape.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise unreadable(answer.status_code, str(answer.url), error) from error
