"""Jira's REST API: version 3 of the Cloud, where texts are trees, and version 2 of one's own server."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from vapora.clock import Clock
from vapora.domain.tracker.marker import reference_in
from vapora.domain.tracker.outgoing import Target
from vapora.domain.tracker.remote import Changed, RemoteComment, RemoteIssue
from vapora.trackers import adf
from vapora.trackers.client import MOST_PAGES, Found, NoPulls, dicts, instant_at, text_at
from vapora.trackers.line import PAGE, Answer, Line
from vapora.trackers.problems import TrackerRefusedError

HEADERS = {"Accept": "application/json", "User-Agent": "VAPORA"}
_FIELDS = "summary,description,status,labels,priority,issuetype,reporter,updated"
# Of a status: Jira has three kinds of them, whatever they are called.
_CATEGORY: dict[Target, str] = {"open": "new", "doing": "indeterminate", "closed": "done"}
_MOST_NEW = 50


def signing_in(username: str, token: str) -> dict[str, str]:
    """An account's address and its API token (Cloud), or a personal access token alone (own server)."""
    if username:
        return {"Authorization": "Basic " + b64encode(f"{username}:{token}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"}


class Jira(NoPulls):
    """`project`: its key. `api`: the version, `2` or `3`."""

    def __init__(self, line: Line, project: str, clock: Clock, *, api: str = "3", issue_type: str = "Task") -> None:
        self.line = line
        self._project = project
        self._clock = clock
        self._api = api
        self._issue_type = issue_type
        self._at = f"/rest/api/{api}"

    async def who(self) -> str:
        return text_at((await self.line.get(f"{self._at}/project/{quote(self._project)}")).said, "name")

    async def changed(self, since: datetime | None, labels: tuple[str, ...] = ()) -> Found:
        """Jira takes instants of queries in the account's own time zone and to the minute, so it is asked by how long
        ago that is."""
        wanted = [f'project = "{self._project}"']
        if since is None:
            wanted.append("statusCategory != Done")
        else:
            minutes = max(int((self._clock() - since) / timedelta(minutes=1)) + 2, 2)
            wanted.append(f'updated >= "-{minutes}m"')
        if labels:
            wanted.append(f"labels in ({', '.join(_quoted(one) for one in labels)})")
        return await self._search(f"{' AND '.join(wanted)} ORDER BY updated ASC", PAGE, MOST_PAGES)

    async def issue(self, number: str) -> RemoteIssue | None:
        try:
            said = (await self.line.get(f"{self._at}/issue/{number}", fields=_FIELDS)).said
        except TrackerRefusedError as error:
            if error.status == 404:
                return None
            raise
        return self._issue(said)

    async def comments(self, number: str) -> tuple[RemoteComment, ...]:
        found: list[RemoteComment] = []
        for _ in range(MOST_PAGES):
            path = f"{self._at}/issue/{number}/comment"
            said = (await self.line.get(path, startAt=len(found), maxResults=PAGE, orderBy="created")).said
            page = dicts(said.get("comments"))
            found += [self._comment(one) for one in page]
            if not page or len(found) >= said.get("total", 0):
                break
        return tuple(found)

    async def add_comment(self, number: str, text: str) -> RemoteComment:
        answer = await self.line.send("POST", f"{self._at}/issue/{number}/comment", {"body": self._text(text)})
        return self._comment(answer.said)

    async def find_comment(self, number: str, ref: str) -> RemoteComment | None:
        return next((one for one in await self.comments(number) if reference_in(one.text) == ref), None)

    async def create_issue(self, title: str, text: str, labels: tuple[str, ...]) -> RemoteIssue:
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": self._issue_type},
            # Of one line, and bounded.
            "summary": " ".join(title.split())[:255],
            "description": self._text(text),
            "labels": [one.replace(" ", "-") for one in labels],
        }
        made: Answer = await self.line.send("POST", f"{self._at}/issue", {"fields": fields})
        return await self._require(text_at(made.said, "key"))

    async def find_issue(self, ref: str) -> RemoteIssue | None:
        found = await self._search(f'project = "{self._project}" ORDER BY created DESC', _MOST_NEW, 1)
        return next((one for one in found.issues if reference_in(one.body) == ref), None)

    async def edit_issue(self, number: str, changed: Changed) -> RemoteIssue:
        fields: dict[str, Any] = {}
        if changed.title is not None:
            fields["summary"] = " ".join(changed.title.split())[:255]
        if changed.body is not None:
            fields["description"] = self._text(changed.body)
        await self.line.send("PUT", f"{self._at}/issue/{number}", {"fields": fields})
        return await self._require(number)

    async def turn_issue(self, number: str, target: Target) -> RemoteIssue:
        """By the first transition that leads to a status of that kind; where the workflow has none, it stays."""
        said = (await self.line.get(f"{self._at}/issue/{number}", fields="status")).said
        now = text_at(said, "fields", "status", "statusCategory", "key")
        wanted = _CATEGORY[target]
        if now != wanted and not (target == "doing" and now == "done"):
            ways = dicts((await self.line.get(f"{self._at}/issue/{number}/transitions")).said.get("transitions"))
            fitting = [one for one in ways if text_at(one, "to", "statusCategory", "key") == wanted]
            if not fitting and target == "open":
                fitting = [one for one in ways if text_at(one, "to", "statusCategory", "key") == "indeterminate"]
            if fitting:
                body = {"transition": {"id": str(fitting[0]["id"])}}
                await self.line.send("POST", f"{self._at}/issue/{number}/transitions", body)
        return await self._require(number)

    async def _require(self, number: str) -> RemoteIssue:
        found = await self.issue(number)
        if found is None:
            raise TrackerRefusedError(f"There is no issue {number} any more.", 404)
        return found

    async def _search(self, jql: str, page: int, most_pages: int) -> Found:
        """The Cloud goes on by a token; an own server by how many there were."""
        found: list[RemoteIssue] = []
        token = ""
        for _ in range(most_pages):
            query: dict[str, str | int] = {"jql": jql, "maxResults": page, "fields": _FIELDS}
            if self._api == "3":
                query |= {"nextPageToken": token} if token else {}
                said = (await self.line.get(f"{self._at}/search/jql", **query)).said
            else:
                said = (await self.line.get(f"{self._at}/search", **query, startAt=len(found))).said
            some = dicts(said.get("issues"))
            found += [self._issue(one) for one in some]
            token = text_at(said, "nextPageToken")
            over = not token if self._api == "3" else len(found) >= said.get("total", 0)
            if over or not some:
                return Found(tuple(found))
        return Found(tuple(found), whole=False)

    def _text(self, text: str) -> Any:
        return adf.document_of(text) if self._api == "3" else text

    def _issue(self, said: dict[str, Any]) -> RemoteIssue:
        key, fields = str(said["key"]), said.get("fields") or {}
        return RemoteIssue(
            number=key,
            title=text_at(fields, "summary"),
            body=adf.text_of(fields.get("description")),
            url=f"{self.line.base}/browse/{key}",
            state="closed" if text_at(fields, "status", "statusCategory", "key") == "done" else "open",
            author=text_at(fields, "reporter", "displayName"),
            labels=tuple(one for one in fields.get("labels") or () if isinstance(one, str)),
            priority=text_at(fields, "priority", "name"),
            type=text_at(fields, "issuetype", "name"),
            updated_at=instant_at(fields, "updated"),
        )

    def _comment(self, said: dict[str, Any]) -> RemoteComment:
        return RemoteComment(
            id=str(said["id"]),
            text=adf.text_of(said.get("body")),
            author=text_at(said, "author", "displayName"),
            created_at=instant_at(said, "created"),
        )


def _quoted(label: str) -> str:
    return '"' + label.replace("\\", "").replace('"', "") + '"'
