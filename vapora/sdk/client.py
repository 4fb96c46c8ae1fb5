"""A thin, typed client of the HTTP interface: one method a call, no state but the connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel

from events.ids import Scope, TaskState
from vapora import commands, views
from vapora.errors import BadInputError
from vapora.sdk.live import LOCAL_HOSTS, Live
from vapora.sdk.problems import ApiError, NoServerError, problem

DEFAULT_URL = "http://127.0.0.1:8000"
_PREFIX = "/api/v1"
_REMEDIES = {"Vapora-Workspace": "Check VAPORA_WORKSPACE.", "Authorization": "Check VAPORA_TOKEN."}
Shape = TypeVar("Shape", bound=BaseModel)
Position = int | None
# A position, or an instant; None: now.
Moment = int | datetime | str | None


class Client:
    """Speaks to one server, for one workspace. Refusals are raised as `ApiError`, silence as `NoServerError`.

    `after=` on a read waits, bounded, until the read models have passed that position: read your own write.
    Fields that a newer server sends in addition are left out, so an older client keeps working.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        workspace: str = "default",
        timeout: float = 30.0,
        page_size: int = 500,
    ) -> None:
        self.url = url.rstrip("/")
        self.workspace = workspace
        self._token = token
        self._timeout = timeout
        self._page_size = page_size
        self._headers = {"Vapora-Workspace": workspace} | ({"Authorization": f"Bearer {token}"} if token else {})
        for name, value in self._headers.items():
            if not (value.isascii() and value.isprintable()):
                # Not the value: it may be the token.
                raise BadInputError(f"The header {name} takes plain ASCII only.", remedy=_REMEDIES[name])
        try:
            world = urlsplit(self.url).hostname not in LOCAL_HOSTS
        except ValueError:
            # Not the address either: it may hold a password.
            raise BadInputError("The server's address cannot be read.", remedy="Check VAPORA_URL.") from None
        self._http = httpx.Client(base_url=self.url, headers=self._headers, timeout=timeout, trust_env=world)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def health(self) -> views.Health:
        """Also of a server that is not ready yet; `status` and `reason` tell."""
        answer = self._send("GET", "/health", prefix="")
        if answer.status_code not in (200, 503):
            raise problem(answer.status_code, answer.content)
        try:
            return views.Health.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise problem(answer.status_code, answer.content) from error

    def projects(self, after: Position = None) -> tuple[views.Project, ...]:
        return tuple(self._items("/projects", views.Project, {"after": after}))

    def create_project(self, project: commands.CreateProject) -> views.Project:
        return self._post("/projects", project, views.Project)

    def submit_task(self, task: commands.SubmitTask | Mapping[str, Any], key: str | None = None) -> views.TaskAccepted:
        """`key`: an Idempotency-Key; sent again under the same one, the task is handed in once."""
        return self._post("/tasks", task, views.TaskAccepted, key)

    def task(self, task_id: str, after: Position = None) -> views.TaskCard:
        return self._get(_path("tasks", task_id), views.TaskCard, {"after": after})

    def tasks(
        self,
        project_id: str | None = None,
        state: TaskState | None = None,
        role: str | None = None,
        after: Position = None,
        limit: int | None = None,
    ) -> Iterator[views.BoardCard]:
        """Newest first, page by page as they are taken. Only `task` has description and context."""
        query = {"project_id": project_id, "state": state, "role": role, "after": after}
        return self._items("/tasks", views.BoardCard, query, limit)

    def edit_task(self, task_id: str, change: commands.EditTask) -> int:
        return self._write("PATCH", _path("tasks", task_id), change)

    def move(self, task_id: str, state: TaskState, before: str | None = None, comment: str = "") -> int:
        """The position that holds the move."""
        return self._write(
            "POST", _path("tasks", task_id, "move"), commands.MoveTask(state=state, before=before, comment=comment)
        )

    def why(self, task_id: str, after: Position = None) -> views.Why:
        return self._get(_path("tasks", task_id, "why"), views.Why, {"after": after})

    def board(
        self,
        project_id: str | None = None,
        at: Moment = None,
        after: Position = None,
        column: TaskState | None = None,
        cursor: str | None = None,
    ) -> views.Board:
        """At most 200 cards a column; `counts` says how many there are. `at`: a position or an instant in the past.
        `column` with its `next` as `cursor`: the cards that follow; `column_cards` does that by itself."""
        query = {"project_id": project_id, "at": _moment(at), "after": after, "column": column, "cursor": cursor}
        return self._get("/board", views.Board, query)

    def column_cards(
        self, column: TaskState, project_id: str | None = None, at: Moment = None, after: Position = None
    ) -> Iterator[views.BoardCard]:
        """All cards of a column in their order, page by page as they are taken. With `at`, all pages are of one moment;
        without, a card that is moved meanwhile may come twice or not at all."""
        cursor: str | None = None
        while True:
            page = self.board(project_id, at, after, column, cursor)
            yield from page.columns[column]
            cursor = page.next[column]
            if cursor is None:
                return

    def agents(self, after: Position = None, at: Moment = None) -> tuple[views.Agent, ...]:
        return tuple(self._items("/agents", views.Agent, {"after": after, "at": _moment(at)}))

    def agent(self, agent_id: str, after: Position = None) -> views.Agent:
        return self._get(_path("agents", agent_id), views.Agent, {"after": after})

    def register_agent(self, agent: commands.RegisterAgent) -> views.Agent:
        return self._post("/agents", agent, views.Agent)

    def edit_agent(self, agent_id: str, change: commands.EditAgent) -> int:
        return self._write("PATCH", _path("agents", agent_id), change)

    def remove_agent(self, agent_id: str) -> int:
        return self._write("DELETE", _path("agents", agent_id))

    def learning(self, agent_id: str, after: Position = None) -> views.Learning:
        return self._get(_path("agents", agent_id, "learning"), views.Learning, {"after": after})

    def budgets(self, after: Position = None, at: Moment = None) -> tuple[views.BudgetView, ...]:
        return tuple(self._items("/budgets", views.BudgetView, {"after": after, "at": _moment(at)}))

    def set_budget(self, scope: Scope, scope_id: str, limits: commands.SetBudget | commands.SetTaskBudget) -> int:
        """The position that holds the limits."""
        path = _path("budgets", scope_id) if scope is Scope.ROLE else _path("budgets", scope.value, scope_id)
        return self._write("PUT", path, limits)

    def costs(self, group_by: Sequence[str] = ("provider",), after: Position = None) -> tuple[views.Cost, ...]:
        return tuple(self._items("/costs", views.Cost, {"group_by": ",".join(group_by), "after": after}))

    def progress(self, after: Position = None) -> views.Progress:
        """Where the read models and the log are; cheaper than anything that answers with rows."""
        return self._get("/position", views.Progress, {"after": after})

    def queue(self, after: Position = None) -> views.QueueView:
        return self._get("/queue", views.QueueView, {"after": after})

    def requeue(self, task_id: str) -> views.Accepted:
        """Put a dead letter back into the queue."""
        return self._post(_path("queue", "dead-letters", task_id, "requeue"), {}, views.Accepted)

    def position(self) -> int:
        """How far the read models have come."""
        return self.progress().position

    def events(
        self,
        after: int = 0,
        limit: int | None = None,
        stream: str | None = None,
        topic: str | Sequence[str] | None = None,
        correlation: str | None = None,
        actor: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> Iterator[views.EventView]:
        """The log itself, from the first event above `after` on, up to its present end; those that fit every filter.
        `since` and `until` are instants, and what was recorded at them counts."""
        query: dict[str, Any] = {"stream": stream, "topic": topic, "correlation": correlation, "actor": actor}
        query |= {"since": _moment(since), "until": _moment(until)}
        return self._items("/events", views.EventView, {"after": after, **query}, limit, cursor="after")

    def event(self, position: int) -> views.EventView:
        return self._get(f"/events/{position}", views.EventView, {})

    def chain(self, position: int) -> views.Chain:
        """Why an event happened: from it back to the request that led to it."""
        return self._get(f"/events/{position}/chain", views.Chain, {})

    def audit(
        self,
        limit: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        resource: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        after: Position = None,
    ) -> Iterator[views.AuditEntry]:
        """Who did what to what, when, and how it came out; the newest first."""
        between = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        query = {"actor": actor, "action": action, "resource": resource, "text": text, "after": after, **between}
        return self._items("/audit", views.AuditEntry, query, limit)

    def live(self, after: Position = None, reconnect: bool = True) -> Live:
        """Changed rows as they change: `for frame in client.live(): …`. `after`: first what changed since then."""
        url = self.url.replace("http", "ws", 1) + f"{_PREFIX}/live"
        return Live(url, dict(self._headers), self._token, after, self._timeout, reconnect)

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

    def _get(self, path: str, shape: type[Shape], query: Mapping[str, Any]) -> Shape:
        asked = {name: value for name, value in query.items() if value is not None}
        return self._parse(self._send("GET", path, params=asked), shape)

    def _post(
        self, path: str, body: BaseModel | Mapping[str, Any], shape: type[Shape], key: str | None = None
    ) -> Shape:
        return self._parse(self._send_body("POST", path, body, key), shape)

    def _write(self, method: str, path: str, body: BaseModel | None = None) -> int:
        answer = self._send_body(method, path, body)
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        return int(answer.headers.get("Vapora-Position") or answer.json()["position"])

    def _send_body(
        self, method: str, path: str, body: BaseModel | Mapping[str, Any] | None, key: str | None = None
    ) -> httpx.Response:
        # Only what was said: the server fills in the defaults, so they stand in one place.
        content = body.model_dump(mode="json", exclude_unset=True) if isinstance(body, BaseModel) else body
        headers = {"Idempotency-Key": key} if key else {}
        return self._send(method, path, json=None if content is None else dict(content), headers=headers)

    def _send(self, method: str, path: str, prefix: str = _PREFIX, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{prefix}{path}", **options)
        except UnicodeEncodeError as error:
            raise _no_text(error) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise NoServerError(f"Nobody answers at {self.url}: {error}", url=self.url) from error

    def _parse(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        if answer.is_error:
            raise problem(answer.status_code, answer.content)
        try:
            return shape.model_validate_json(answer.content, extra="ignore")
        except ValueError as error:
            raise ApiError(
                answer.status_code,
                "unreadable",
                f"{answer.url} answered with something else than expected.",
                str(error)[:300],
                "Is this a VAPORA server of a fitting version?",
            ) from error


def _moment(at: Moment) -> int | str | None:
    return at.isoformat() if isinstance(at, datetime) else at


def _path(*parts: str) -> str:
    """Ids come from people: one with a slash or a question mark must not become another address."""
    try:
        return "".join(f"/{quote(part, safe='')}" for part in parts)
    except UnicodeEncodeError as error:
        raise _no_text(error) from None


def _no_text(error: UnicodeEncodeError) -> BadInputError:
    return BadInputError(f"{error.object!r} is not Unicode text.", remedy="On a command line: type it in UTF-8.")
