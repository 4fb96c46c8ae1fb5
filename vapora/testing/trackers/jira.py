"""A fake of Jira's REST API, of the Cloud (version 3) and of one's own server (version 2)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from vapora.testing.trackers.server import TOKEN, FakeTracker, Fault, Saying, Thread, json_answer
from vapora.trackers import adf

# The workflow that Jira ships with.
_STATUSES = {"open": ("To Do", "new"), "doing": ("In Progress", "indeterminate"), "closed": ("Done", "done")}
_TRANSITIONS = {"11": "open", "21": "doing", "31": "closed"}
Match = re.Match[str]


class FakeJira(FakeTracker):
    """Of one project. `api`: `3`, or `2`."""

    me = "VAPORA Bot"

    def __init__(
        self, project: str = "APP", token: str = TOKEN, username: str = "bot@example.com", api: str = "3"
    ) -> None:
        super().__init__()
        self.project = project
        self.api = api
        self._authorization = (
            "Basic " + b64encode(f"{username}:{token}".encode()).decode() if username else f"Bearer {token}"
        )
        at, key = rf"/rest/api/{api}", rf"{re.escape(project)}-(\d+)"
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Request, Match, dict[str, Any]], Response]]] = [
            (
                "GET",
                re.compile(rf"{at}/project/{project}"),
                lambda *_: json_answer({"key": project, "name": "The app"}),
            ),
            ("GET", re.compile(f"{at}/search/jql" if api == "3" else f"{at}/search"), self._search),
            ("POST", re.compile(f"{at}/issue"), self._create),
            ("GET", re.compile(f"{at}/issue/{key}"), lambda _, m, __: json_answer(self._issue(self._at(m)))),
            ("PUT", re.compile(f"{at}/issue/{key}"), self._edit),
            ("GET", re.compile(f"{at}/issue/{key}/comment"), self._comments),
            ("POST", re.compile(f"{at}/issue/{key}/comment"), self._add),
            ("GET", re.compile(f"{at}/issue/{key}/transitions"), self._ways),
            ("POST", re.compile(f"{at}/issue/{key}/transitions"), self._go),
        ]

    # What people do.

    def open_issue(
        self, title: str, body: str = "", labels: tuple[str, ...] = (), by: str = "Alice", priority: str = "Medium"
    ) -> int:
        with self.lock:
            made = self._make(title, self._text(body), by, list(labels))
            made.priority = priority
            self._tell("jira:issue_created", made)
            return made.number

    def edit_issue(self, number: int, title: str | None = None, body: str | None = None) -> None:
        with self.lock:
            one = self._touch(number)
            one.title, one.body = title or one.title, one.body if body is None else self._text(body)
            self._tell("jira:issue_updated", one)

    def turn(self, number: int, state: str) -> None:
        """`open`, `doing` or `closed`."""
        with self.lock:
            one = self._touch(number)
            one.state = state
            self._tell("jira:issue_updated", one)

    def comment(self, number: int, text: str, by: str = "Alice") -> int:
        with self.lock:
            one = self._touch(number)
            said = Saying(next(self.ids), self._text(text), by, self.now())
            one.said.append(said)
            self._tell("comment_created", one, comment=self._said(said))
            return said.id

    def key(self, number: int) -> str:
        return f"{self.project}-{number}"

    def texts_of(self, number: int) -> list[str]:
        return [adf.text_of(one.text) for one in self.comments_of(number)]

    # What programs ask.

    def knows(self, authorization: str) -> bool:
        return authorization == self._authorization

    def refusal(self, status: int, message: str) -> Response:
        return json_answer({"errorMessages": [message], "errors": {}}, status)

    def limited(self, fault: Fault) -> Response:
        headers = {"retry-after": str(int(self.reset_s)), "x-ratelimit-remaining": "0"}
        return Response("Rate limit exceeded", 429, headers)

    def answer(self, request: Request, body: dict[str, Any]) -> Response:
        if request.url.path == "/rest/api/3/search":
            return self.refusal(410, "The requested API has been removed. Use /rest/api/3/search/jql.")
        for method, pattern, route in self._routes:
            found = pattern.fullmatch(request.url.path)
            if found is not None and method == request.method:
                if found.groups() and int(found.group(1)) not in self.threads:
                    return self.refusal(404, "Issue does not exist or you do not have permission to see it.")
                return route(request, found, body)
        return self.refusal(404, "Not found")

    def _at(self, found: Match) -> Thread:
        return self.threads[int(found.group(1))]

    def _touch(self, number: int) -> Thread:
        one = self.threads[number]
        one.updated = self.now()
        return one

    def _make(self, title: str, body: Any, by: str, labels: list[str]) -> Thread:
        number, at = len(self.threads) + 1, self.now()
        made = self.threads[number] = Thread(number, title, body, by, labels, at, at)
        return made

    def _search(self, request: Request, _: Match, __: dict[str, Any]) -> Response:
        query, found = request.query_params, list(self.threads.values())
        jql, order = query["jql"].split(" ORDER BY ")
        for clause in jql.split(" AND "):
            found = [one for one in found if self._fits(one, clause)]
        by_update = order.startswith("updated")
        found.sort(key=lambda one: one.updated if by_update else one.at, reverse=order.endswith("DESC"))
        most = int(query.get("maxResults", 50))
        begin = int(query.get("nextPageToken", 0) if self.api == "3" else query.get("startAt", 0))
        said: dict[str, Any] = {"issues": [self._issue(one) for one in found[begin : begin + most]]}
        if self.api == "3":
            last = begin + most >= len(found)
            return json_answer({**said, "isLast": last, **({} if last else {"nextPageToken": str(begin + most)})})
        return json_answer({**said, "startAt": begin, "maxResults": most, "total": len(found)})

    def _fits(self, one: Thread, clause: str) -> bool:
        if re.fullmatch(rf'project = "{self.project}"', clause):
            return True
        if clause == "statusCategory != Done":
            return one.state != "closed"
        if ago := re.fullmatch(r'updated >= "-(\d+)m"', clause):
            return one.updated >= datetime.now(UTC) - timedelta(minutes=int(ago.group(1)))
        if labels := re.fullmatch(r"labels in \((.*)\)", clause):
            return not set(re.findall(r'"([^"]*)"', labels.group(1))).isdisjoint(one.labels)
        raise AssertionError(f"the fake does not know the clause {clause!r}")

    def _create(self, _: Request, __: Match, body: dict[str, Any]) -> Response:
        fields = body["fields"]
        if fields["project"] != {"key": self.project} or "name" not in fields["issuetype"]:
            return self.refusal(400, "project: valid project is required")
        if any(" " in label for label in fields.get("labels", ())):
            return json_answer({"errorMessages": [], "errors": {"labels": "The label can't contain spaces."}}, 400)
        if isinstance(fields.get("description"), str) is (self.api == "3"):
            said = {"description": "Operation value must be an Atlassian Document"}
            return json_answer({"errorMessages": [], "errors": said}, 400)
        made = self._make(fields["summary"], fields.get("description"), self.me, list(fields.get("labels", ())))
        self._tell("jira:issue_created", made)
        return json_answer({"id": str(10_000 + made.number), "key": self.key(made.number)}, 201)

    def _edit(self, _: Request, found: Match, body: dict[str, Any]) -> Response:
        one, fields = self._touch(int(found.group(1))), body["fields"]
        one.title, one.body = fields.get("summary", one.title), fields.get("description", one.body)
        self._tell("jira:issue_updated", one)
        return Response(status_code=204)

    def _comments(self, request: Request, found: Match, _: dict[str, Any]) -> Response:
        said, begin = self._at(found).said, int(request.query_params.get("startAt", 0))
        most = int(request.query_params.get("maxResults", 50))
        page = [self._said(one) for one in said[begin : begin + most]]
        return json_answer({"comments": page, "startAt": begin, "maxResults": most, "total": len(said)})

    def _add(self, _: Request, found: Match, body: dict[str, Any]) -> Response:
        if isinstance(body.get("body"), str) is (self.api == "3"):
            return json_answer({"errorMessages": [], "errors": {"comment": "Comment body is not valid!"}}, 400)
        one = self._touch(int(found.group(1)))
        said = Saying(next(self.ids), body["body"], self.me, self.now())
        one.said.append(said)
        self._tell("comment_created", one, comment=self._said(said))
        return json_answer(self._said(said), 201)

    def _ways(self, _: Request, found: Match, __: dict[str, Any]) -> Response:
        now = self._at(found).state
        ways = [
            {"id": id_, "name": _STATUSES[state][0], "to": self._status(state)}
            for id_, state in _TRANSITIONS.items()
            if state != now
        ]
        return json_answer({"transitions": ways})

    def _go(self, _: Request, found: Match, body: dict[str, Any]) -> Response:
        one = self._touch(int(found.group(1)))
        one.state = _TRANSITIONS[body["transition"]["id"]]
        self._tell("jira:issue_updated", one)
        return Response(status_code=204)

    # Shapes.

    def _text(self, text: str) -> Any:
        return adf.document_of(text) if self.api == "3" else text

    def _status(self, state: str) -> dict[str, Any]:
        name, category = _STATUSES[state]
        return {"name": name, "statusCategory": {"key": category, "name": name}}

    def _issue(self, one: Thread) -> dict[str, Any]:
        fields = {
            "summary": one.title,
            "description": one.body,
            "status": self._status(one.state),
            "labels": one.labels,
            "priority": {"name": one.priority},
            "issuetype": {"name": one.type},
            "reporter": {"displayName": one.author},
            "created": _instant(one.at),
            "updated": _instant(one.updated),
        }
        return {"id": str(10_000 + one.number), "key": self.key(one.number), "fields": fields}

    def _said(self, said: Saying) -> dict[str, Any]:
        author = {"displayName": said.author}
        return {"id": str(said.id), "body": said.text, "author": author, "created": _instant(said.at)}

    def _tell(self, event: str, one: Thread, **more: Any) -> None:
        said = {
            "timestamp": int(self.now().timestamp() * 1_000),
            "webhookEvent": event,
            "issue": self._issue(one),
            **more,
        }
        self.message(said, {"x-atlassian-webhook-identifier": f"delivery-{next(self.ids)}"})


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1_000:03d}+0000"
