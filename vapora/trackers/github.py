"""GitHub's REST API, of github.com and of an Enterprise Server (whose address ends with `/api/v3`)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from vapora.domain.tracker.marker import reference_in
from vapora.domain.tracker.outgoing import Target
from vapora.domain.tracker.remote import Changed, PullState, RemoteComment, RemoteIssue, RemotePull
from vapora.trackers.client import MOST_PAGES, Found, address_at, dicts, instant_at, text_at
from vapora.trackers.line import PAGE, Line
from vapora.trackers.problems import TrackerRefusedError

VERSION = "2022-11-28"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION, "User-Agent": "VAPORA"}
_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')
_GONE = (404, 410)
# An issue that is made anew is among the newest ones.
_MOST_NEW = 50


class GitHub:
    """`repository`: `owner/name`."""

    def __init__(self, line: Line, repository: str) -> None:
        self.line = line
        self._owner = repository.partition("/")[0]
        self._at = f"/repos/{repository}"

    async def who(self) -> str:
        said = (await self.line.get(self._at)).said
        return text_at(said, "full_name")

    async def changed(self, since: datetime | None, labels: tuple[str, ...] = ()) -> Found:
        query: dict[str, str | int] = {"sort": "updated", "direction": "asc", "per_page": PAGE}
        query |= {"state": "open"} if since is None else {"state": "all", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        found: list[RemoteIssue] = []
        pages = 0
        async for page in self._pages(f"{self._at}/issues", query):
            found += [_issue(one) for one in page]
            pages += 1
        wanted = [one for one in found if not labels or not set(labels).isdisjoint(one.labels)]
        return Found(tuple(wanted), whole=pages < MOST_PAGES)

    async def issue(self, number: str) -> RemoteIssue | None:
        said = await self._there(f"{self._at}/issues/{number}")
        return None if said is None else _issue(said)

    async def comments(self, number: str) -> tuple[RemoteComment, ...]:
        return tuple([_comment(one) async for one in self._all(f"{self._at}/issues/{number}/comments")])

    async def add_comment(self, number: str, text: str) -> RemoteComment:
        return _comment((await self.line.send("POST", f"{self._at}/issues/{number}/comments", {"body": text})).said)

    async def find_comment(self, number: str, ref: str) -> RemoteComment | None:
        return next((one for one in await self.comments(number) if reference_in(one.text) == ref), None)

    async def create_issue(self, title: str, text: str, labels: tuple[str, ...]) -> RemoteIssue:
        body = {"title": title, "body": text, "labels": list(labels)}
        return _issue((await self.line.send("POST", f"{self._at}/issues", body)).said)

    async def find_issue(self, ref: str) -> RemoteIssue | None:
        said = await self.line.get(
            f"{self._at}/issues", state="all", sort="created", direction="desc", per_page=_MOST_NEW
        )
        return next((one for one in map(_issue, dicts(said.said)) if reference_in(one.body) == ref), None)

    async def edit_issue(self, number: str, changed: Changed) -> RemoteIssue:
        return _issue((await self.line.send("PATCH", f"{self._at}/issues/{number}", changed.as_json())).said)

    async def turn_issue(self, number: str, target: Target) -> RemoteIssue:
        """It knows no issue that is being worked on."""
        body = {"state": "closed", "state_reason": "completed"} if target == "closed" else {"state": "open"}
        now = await self.issue(number)
        if now is not None and now.state == body["state"]:
            return now
        return _issue((await self.line.send("PATCH", f"{self._at}/issues/{number}", body)).said)

    async def pull(self, number: str) -> RemotePull | None:
        said = await self._there(f"{self._at}/pulls/{number}")
        return None if said is None else _pull(said)

    async def pull_comments(self, number: str) -> tuple[RemoteComment, ...]:
        """What is said of all of it, reviews, and comments on lines."""
        found = list(await self.comments(number))
        found += [_review(one) async for one in self._all(f"{self._at}/pulls/{number}/reviews")]
        found += [_on_line(one) async for one in self._all(f"{self._at}/pulls/{number}/comments")]
        return tuple(sorted(found, key=lambda one: (one.created_at is None, str(one.created_at))))

    async def find_pull(self, branch: str) -> RemotePull | None:
        said = await self.line.get(f"{self._at}/pulls", head=f"{self._owner}:{branch}", state="all", per_page=1)
        return next(map(_pull, dicts(said.said)), None)

    async def open_pull(self, branch: str, base: str, title: str, text: str) -> RemotePull:
        body = {"title": title, "body": text, "head": branch, "base": base}
        return _pull((await self.line.send("POST", f"{self._at}/pulls", body)).said)

    async def _there(self, path: str) -> dict[str, Any] | None:
        try:
            said = (await self.line.get(path)).said
        except TrackerRefusedError as error:
            if error.status in _GONE:
                return None
            raise
        return said if isinstance(said, dict) else None

    async def _all(self, path: str) -> AsyncIterator[dict[str, Any]]:
        async for page in self._pages(path, {"per_page": PAGE}):
            for one in page:
                yield one

    async def _pages(self, path: str, query: dict[str, str | int]) -> AsyncIterator[list[dict[str, Any]]]:
        answer = await self.line.get(path, **query)
        for _ in range(MOST_PAGES):
            yield dicts(answer.said)
            found = _NEXT.search(answer.headers.get("link", ""))
            if found is None:
                return
            answer = await self.line.get_url(found.group(1))


def _issue(said: dict[str, Any]) -> RemoteIssue:
    return RemoteIssue(
        number=str(said["number"]),
        title=text_at(said, "title"),
        body=text_at(said, "body"),
        url=address_at(said, "html_url"),
        state="closed" if said.get("state") == "closed" else "open",
        author=text_at(said, "user", "login"),
        labels=tuple(name for one in said.get("labels") or () if (name := _label(one))),
        # Of those organisations that give issues a type.
        type=text_at(said, "type", "name"),
        updated_at=instant_at(said, "updated_at"),
        is_pull=said.get("pull_request") is not None,
    )


def _label(one: Any) -> str:
    """Older answers have the name alone."""
    return one if isinstance(one, str) else text_at(one, "name")


def _comment(said: dict[str, Any]) -> RemoteComment:
    return RemoteComment(
        id=str(said["id"]),
        text=text_at(said, "body"),
        author=text_at(said, "user", "login"),
        url=address_at(said, "html_url"),
        created_at=instant_at(said, "created_at"),
    )


def _review(said: dict[str, Any]) -> RemoteComment:
    state = text_at(said, "state")
    return RemoteComment(
        id=str(said["id"]),
        text=text_at(said, "body"),
        author=text_at(said, "user", "login"),
        url=address_at(said, "html_url"),
        thing="review",
        # One that only comments, or is not handed in yet, has none.
        verdict="" if state in ("COMMENTED", "PENDING") else state,
        created_at=instant_at(said, "submitted_at"),
    )


def _on_line(said: dict[str, Any]) -> RemoteComment:
    line = said.get("line") or said.get("original_line")
    return RemoteComment(
        id=str(said["id"]),
        text=text_at(said, "body"),
        author=text_at(said, "user", "login"),
        url=address_at(said, "html_url"),
        thing="line",
        path=text_at(said, "path"),
        line=line if isinstance(line, int) and line > 0 else None,
        created_at=instant_at(said, "created_at"),
    )


def _pull(said: dict[str, Any]) -> RemotePull:
    # A list has only when it was merged.
    merged = said.get("merged") is True or bool(said.get("merged_at"))
    state: PullState = "merged" if merged else "closed" if said.get("state") == "closed" else "open"
    return RemotePull(
        number=str(said["number"]),
        url=address_at(said, "html_url"),
        title=text_at(said, "title"),
        state=state,
        branch=text_at(said, "head", "ref"),
        head=text_at(said, "head", "sha"),
        base=text_at(said, "base", "ref"),
        author=text_at(said, "user", "login"),
        # Before it is merged this is of a trial.
        merged_as=text_at(said, "merge_commit_sha") if merged else "",
        merged_by=text_at(said, "merged_by", "login"),
    )
