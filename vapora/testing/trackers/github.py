"""A fake of GitHub's REST API: issues, comments, labels, pull requests with reviews, limits, webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha1
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from vapora.testing.trackers.server import TOKEN, FakeTracker, Fault, Saying, Thread, json_answer, reset_at

_LIMIT = 5_000
Match = re.Match[str]


class FakeGitHub(FakeTracker):
    """Of one repository. A person does by the methods here what a program does by the API."""

    signature_header = "x-hub-signature-256"

    def __init__(self, repository: str = "acme/app", token: str = TOKEN) -> None:
        super().__init__()
        self.repository = repository
        self.token = token
        self.branches: dict[str, str] = {"main": _oid("main")}
        at = rf"/repos/{re.escape(repository)}"
        self._routes: list[tuple[str, re.Pattern[str], Callable[[Request, Match, dict[str, Any]], Response]]] = [
            ("GET", re.compile(at), lambda *_: json_answer({"full_name": repository, "private": True})),
            ("GET", re.compile(f"{at}/issues"), self._list),
            ("POST", re.compile(f"{at}/issues"), self._create),
            ("GET", re.compile(rf"{at}/issues/(\d+)"), lambda _, m, __: json_answer(self._issue(self._at(m)))),
            ("PATCH", re.compile(rf"{at}/issues/(\d+)"), self._edit),
            ("GET", re.compile(rf"{at}/issues/(\d+)/comments"), self._comments("comment")),
            ("POST", re.compile(rf"{at}/issues/(\d+)/comments"), self._add),
            ("GET", re.compile(f"{at}/pulls"), self._list_pulls),
            ("POST", re.compile(f"{at}/pulls"), self._open_pull),
            ("GET", re.compile(rf"{at}/pulls/(\d+)"), lambda _, m, __: json_answer(self._pull(self._at(m)))),
            ("GET", re.compile(rf"{at}/pulls/(\d+)/reviews"), self._comments("review")),
            ("GET", re.compile(rf"{at}/pulls/(\d+)/comments"), self._comments("line")),
        ]

    # What people do.

    def open_issue(self, title: str, body: str | None = None, labels: tuple[str, ...] = (), by: str = "alice") -> int:
        with self.lock:
            made = self._make(title, body, by, list(labels))
            self._tell("issues", "opened", made)
            return made.number

    def label(self, number: int, *labels: str) -> None:
        with self.lock:
            one = self._touch(number)
            one.labels = list(labels)
            self._tell("issues", "labeled", one)

    def edit_issue(self, number: int, title: str | None = None, body: str | None = None) -> None:
        with self.lock:
            one = self._touch(number)
            one.title, one.body = title or one.title, one.body if body is None else body
            self._tell("issues", "edited", one)

    def turn(self, number: int, state: str) -> None:
        """`open` or `closed`: an issue, or a pull request."""
        with self.lock:
            one = self._touch(number)
            one.state = state
            kind = "pull_request" if one.branch else "issues"
            self._tell(kind, "closed" if state == "closed" else "reopened", one)

    def comment(self, number: int, text: str, by: str = "alice") -> int:
        with self.lock:
            one = self._touch(number)
            said = Saying(next(self.ids), text, by, self.now())
            one.said.append(said)
            self._tell("issue_comment", "created", one, comment=self._said(said, one))
            return said.id

    def change_comment(self, number: int, comment_id: int, text: str) -> None:
        with self.lock:
            one = self._touch(number)
            said = next(one for one in one.said if one.id == comment_id)
            said.text = text
            self._tell("issue_comment", "edited", one, comment=self._said(said, one))

    def review(self, number: int, verdict: str, text: str = "", by: str = "bob") -> None:
        """`APPROVED`, `CHANGES_REQUESTED` or `COMMENTED`."""
        with self.lock:
            one = self._touch(number)
            one.said.append(Saying(next(self.ids), text, by, self.now(), "review", verdict))
            self._tell("pull_request_review", "submitted", one)

    def comment_on_line(self, number: int, path: str, line: int, text: str, by: str = "bob") -> None:
        with self.lock:
            one = self._touch(number)
            one.said.append(Saying(next(self.ids), text, by, self.now(), "line", path=path, line=line))
            self._tell("pull_request_review_comment", "created", one)

    def push(self, branch: str, oid: str) -> None:
        """As git does it."""
        with self.lock:
            self.branches[branch] = oid

    def merge(self, number: int, by: str = "bob") -> str:
        with self.lock:
            one = self._touch(number)
            one.state, one.merged_by, one.merged_as = "closed", by, _oid(f"merge {number}")
            self._tell("pull_request", "closed", one)
            return one.merged_as

    @property
    def pulls(self) -> list[Thread]:
        with self.lock:
            return [one for one in self.threads.values() if one.branch]

    # What programs ask.

    def knows(self, authorization: str) -> bool:
        return authorization == f"Bearer {self.token}"

    def refusal(self, status: int, message: str) -> Response:
        return json_answer({"message": message, "documentation_url": "https://docs.github.com/rest"}, status)

    def limited(self, fault: Fault) -> Response:
        if fault is Fault.SECONDARY:
            said = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
            return json_answer(said, 403, {"retry-after": str(int(self.reset_s))})
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset_at(self.reset_s))}
        return json_answer({"message": "API rate limit exceeded for user ID 1."}, 403, headers)

    def answer(self, request: Request, body: dict[str, Any]) -> Response:
        if request.headers.get("x-github-api-version") != "2022-11-28":
            return self.refusal(400, "The fake wants a version of the API.")
        for method, pattern, route in self._routes:
            found = pattern.fullmatch(request.url.path)
            if found is not None and method == request.method:
                if found.groups() and int(found.group(1)) not in self.threads:
                    return self.refusal(404, "Not Found")
                answer = route(request, found, body)
                answer.headers["x-ratelimit-limit"] = str(_LIMIT)
                answer.headers["x-ratelimit-remaining"] = str(_LIMIT - self.spent)
                return answer
        return self.refusal(404, "Not Found")

    def _at(self, found: Match) -> Thread:
        return self.threads[int(found.group(1))]

    def _touch(self, number: int) -> Thread:
        one = self.threads[number]
        one.updated = self.now()
        return one

    def _make(self, title: str, body: str | None, by: str, labels: list[str]) -> Thread:
        number = len(self.threads) + 1
        at = self.now()
        made = self.threads[number] = Thread(number, title, body, by, labels, at, at)
        return made

    def _list(self, request: Request, _: Match, __: dict[str, Any]) -> Response:
        query = request.query_params
        found = list(self.threads.values())
        if query.get("state", "open") != "all":
            found = [one for one in found if one.state == query.get("state", "open")]
        if since := query.get("since"):
            begin = datetime.fromisoformat(since)
            found = [one for one in found if one.updated >= begin]
        by_update = query.get("sort") == "updated"
        found.sort(key=lambda one: one.updated if by_update else one.at, reverse=query.get("direction") != "asc")
        return self._paged(request, [self._issue(one) for one in found])

    def _paged(self, request: Request, found: list[Any]) -> Response:
        size, page = int(request.query_params.get("per_page", 30)), int(request.query_params.get("page", 1))
        headers = {}
        if len(found) > size * page:
            following = request.url.include_query_params(page=page + 1)
            headers["link"] = f'<{self.url}{following.path}?{following.query}>; rel="next"'
        return json_answer(found[size * (page - 1) : size * page], headers=headers)

    def _create(self, _: Request, __: Match, body: dict[str, Any]) -> Response:
        if not str(body.get("title", "")).strip():
            return self.refusal(422, "Validation Failed")
        made = self._make(body["title"], body.get("body"), self.me, list(body.get("labels", ())))
        self._tell("issues", "opened", made)
        return json_answer(self._issue(made), 201)

    def _edit(self, _: Request, found: Match, body: dict[str, Any]) -> Response:
        one = self._touch(int(found.group(1)))
        one.title, one.body = body.get("title", one.title), body.get("body", one.body)
        one.labels = list(body.get("labels", one.labels))
        if body.get("state", one.state) != one.state:
            one.state = body["state"]
            self._tell("issues", "closed" if one.state == "closed" else "reopened", one)
        return json_answer(self._issue(one))

    def _comments(self, kind: str) -> Callable[[Request, Match, dict[str, Any]], Response]:
        def listed(request: Request, found: Match, _: dict[str, Any]) -> Response:
            one = self._at(found)
            return self._paged(request, [self._said(said, one) for said in one.said if said.kind == kind])

        return listed

    def _add(self, _: Request, found: Match, body: dict[str, Any]) -> Response:
        if not str(body.get("body", "")).strip():
            return self.refusal(422, "Validation Failed")
        one = self._touch(int(found.group(1)))
        said = Saying(next(self.ids), body["body"], self.me, self.now())
        one.said.append(said)
        self._tell("issue_comment", "created", one, comment=self._said(said, one))
        return json_answer(self._said(said, one), 201)

    def _list_pulls(self, request: Request, _: Match, __: dict[str, Any]) -> Response:
        found = sorted(self.pulls, key=lambda one: one.at, reverse=True)
        if head := request.query_params.get("head"):
            found = [one for one in found if f"{self.repository.partition('/')[0]}:{one.branch}" == head]
        if request.query_params.get("state", "open") != "all":
            found = [one for one in found if one.state == "open"]
        return self._paged(request, [self._pull(one, listed=True) for one in found])

    def _open_pull(self, _: Request, __: Match, body: dict[str, Any]) -> Response:
        branch = body["head"]
        if branch not in self.branches or body["base"] not in self.branches:
            said = {"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head"}]}
            return json_answer(said, 422)
        if any(one.branch == branch and one.state == "open" for one in self.pulls):
            errors = [{"message": f"A pull request already exists for acme:{branch}."}]
            return json_answer({"message": "Validation Failed", "errors": errors}, 422)
        made = self._make(body["title"], body.get("body"), self.me, [])
        made.branch, made.base, made.head = branch, body["base"], self.branches[branch]
        self._tell("pull_request", "opened", made)
        return json_answer(self._pull(made), 201)

    # Shapes.

    def _issue(self, one: Thread) -> dict[str, Any]:
        kind = "pull" if one.branch else "issues"
        said = {
            "id": 10_000 + one.number,
            "number": one.number,
            "title": one.title,
            "body": one.body,
            "state": one.state,
            "html_url": f"https://github.example/{self.repository}/{kind}/{one.number}",
            "user": {"login": one.author, "type": "User"},
            "labels": [{"id": n, "name": name, "color": "ededed"} for n, name in enumerate(one.labels)],
            "comments": sum(said.kind == "comment" for said in one.said),
            "created_at": _instant(one.at),
            "updated_at": _instant(one.updated),
        }
        return {**said, "pull_request": {"url": f"{self.url}/pulls/{one.number}"}} if one.branch else said

    def _pull(self, one: Thread, *, listed: bool = False) -> dict[str, Any]:
        said = {
            **self._issue(one),
            "head": {"ref": one.branch, "sha": self.branches[one.branch]},
            "base": {"ref": one.base, "sha": self.branches[one.base]},
            "merged_at": _instant(one.updated) if one.merged_as else None,
            "merge_commit_sha": one.merged_as or _oid(f"trial {one.number}"),
        }
        del said["pull_request"]
        if listed:
            return said
        return {**said, "merged": bool(one.merged_as), "merged_by": {"login": one.merged_by} if one.merged_by else None}

    def _said(self, said: Saying, one: Thread) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": said.id,
            "body": said.text,
            "user": {"login": said.author},
            "html_url": f"https://github.example/{self.repository}/issues/{one.number}#issuecomment-{said.id}",
        }
        match said.kind:
            case "review":
                return {**found, "state": said.verdict, "submitted_at": _instant(said.at)}
            case "line":
                return {**found, "path": said.path, "line": said.line, "created_at": _instant(said.at)}
            case _:
                return {**found, "created_at": _instant(said.at), "updated_at": _instant(said.at)}

    def _tell(self, event: str, action: str, one: Thread, **more: Any) -> None:
        about = {"pull_request": self._pull(one)} if event.startswith("pull_request") else {"issue": self._issue(one)}
        said = {"action": action, **about, **more, "repository": {"full_name": self.repository}}
        self.message(said, {"x-github-event": event, "x-github-delivery": f"delivery-{next(self.ids)}"})


def _oid(seed: str) -> str:
    return sha1(seed.encode(), usedforsecurity=False).hexdigest()


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
