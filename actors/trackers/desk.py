"""What agents do in trackers by their tools: read issues, comment, make issues, open pull requests.

What goes out bears a reference as everything of ours does, so that it does not come back as news.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from actors.trackers.writing import Writing
from events.tracker import PullLinked, TrackerKind
from vapora.domain.tracker import marker
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.remote import RemoteComment, RemoteIssue
from vapora.errors import BadInputError, ConflictError, NotFoundError
from vapora.tools.values import ToolResult
from vapora.trackers import TrackerClient

_MOST_LISTED = 50
_MOST_COMMENTS = 50
# It stands for no event.
_NO_POSITION = 0


@dataclass(frozen=True, slots=True)
class UseTracker:
    """A call of an agent's tool. `task_id` and `project_id`: of whom it works on; empty for a person who tries it."""

    kind: TrackerKind
    tool: str
    arguments: dict[str, Any]
    project_id: str = ""
    task_id: str = ""
    agent: str = ""


class Desk:
    def __init__(
        self,
        workspace: str,
        writing: Writing,
        trackers: Callable[[], Iterable[Tracker]],
        opened: Callable[[Tracker], Awaitable[TrackerClient]],
    ) -> None:
        self._workspace = workspace
        self._writing = writing
        self._trackers = trackers
        self._opened = opened

    async def use(self, use: UseTracker) -> ToolResult:
        """Raises what the tracker's client does, and `BadInputError` where it is not clear which tracker is meant."""
        tracker = self._meant(use)
        client = await self._opened(tracker)
        try:
            return await self._use(tracker, client, use)
        finally:
            await client.line.close()

    def _meant(self, use: UseTracker) -> Tracker:
        """An agent sees the trackers of its card's project, and no other."""
        own = [one for one in self._trackers() if one.works and one.set.kind == use.kind]
        if use.project_id:
            own = [one for one in own if one.set.project_id == use.project_id]
        named = use.arguments.get("tracker")
        fitting = [one for one in own if named in (None, one.id)]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(one.id for one in own) or "none"
        raise BadInputError(
            "It is not clear which tracker is meant.", remedy=f"Name one in 'tracker'. There are: {known}."
        )

    async def _use(self, tracker: Tracker, client: TrackerClient, use: UseTracker) -> ToolResult:
        given = use.arguments
        match use.tool:
            case "list_issues":
                found = await client.changed(None, tuple(given.get("labels") or ()))
                issues = [one for one in found.issues if not one.is_pull]
                lines = [_line(tracker, one) for one in issues[-_MOST_LISTED:]]
                return ToolResult(True, "\n".join(lines) or "No open issue.", truncated=len(issues) > _MOST_LISTED)
            case "read_issue":
                return await self._read(tracker, client, _number(tracker, given))
            case "comment":
                said = await client.add_comment(_number(tracker, given), self._signed(tracker, given["text"], use))
                return ToolResult(True, f"It is said, as comment {said.id}.")
            case "create_issue":
                text = self._signed(tracker, given.get("text") or "", use)
                made = await client.create_issue(given["title"], text, ())
                return ToolResult(True, f"{tracker.place(made.number)} is made: {made.url}")
            case "open_pull":
                return await self._open_pull(tracker, client, use)
            case _:
                raise NotFoundError(f"There is no tool '{use.tool}' here.", remedy="See which tools there are.")

    async def _read(self, tracker: Tracker, client: TrackerClient, number: str) -> ToolResult:
        issue = await client.issue(number)
        if issue is None:
            raise NotFoundError(f"There is no {tracker.place(number)}.", remedy="List the issues.")
        comments = await client.comments(number)
        parts = [f"# {_line(tracker, issue)}", f"By {issue.author}. {issue.url}", issue.body]
        parts += [_comment(one) for one in comments[-_MOST_COMMENTS:]]
        return ToolResult(True, "\n\n".join(parts), truncated=len(comments) > _MOST_COMMENTS)

    async def _open_pull(self, tracker: Tracker, client: TrackerClient, use: UseTracker) -> ToolResult:
        """Of the card's own branch, which has to be pushed before; one that is open is told, and not opened twice."""
        task = await self._writing.task(use.task_id) if use.task_id else None
        if task is None or task.work is None:
            raise ConflictError("There is no branch of a card here.", remedy="Hand in work first.")
        branch = task.work.branch
        found = await client.find_pull(branch)
        if found is None or found.state != "open":
            title = use.arguments.get("title") or task.title
            text = self._signed(tracker, use.arguments.get("text") or "", use)
            found = await client.open_pull(branch, task.work.base_branch, title, text)
        event = PullLinked(tracker_id=tracker.id, task_id=task.id, number=found.number, url=found.url, branch=branch)
        if (await self._writing.seen(tracker.id, "pull", found.number)).link.state is None:
            await self._writing.tell(tracker.id, "pull", found.number, event)
        return ToolResult(True, f"{tracker.place(found.number)} is open: {found.url}")

    def _signed(self, tracker: Tracker, text: str, use: UseTracker) -> str:
        by = f"*Written by an agent of VAPORA{f' ({use.agent})' if use.agent else ''}.*"
        ref = marker.reference(self._workspace, _NO_POSITION, "tool")
        return marker.signed(tracker.set.kind, f"{text}\n\n{by}".strip(), ref)


def _number(tracker: Tracker, given: dict[str, Any]) -> str:
    """`7`, `#7` and `APP-7` all say which."""
    said = str(given["number"]).strip().removeprefix("#")
    if tracker.set.kind == "jira" and said.isdecimal():
        said = f"{tracker.set.remote}-{said}"
    head, _, tail = said.rpartition("-")
    fits = said.isdecimal() if tracker.set.kind == "github" else head == tracker.set.remote and tail.isdecimal()
    if not fits or len(said) > 80:
        raise BadInputError(f"'{said:.80}' is no issue of {tracker.set.remote}.", remedy="Name one that it has.")
    return said


def _line(tracker: Tracker, issue: RemoteIssue) -> str:
    labels = f" [{', '.join(issue.labels)}]" if issue.labels else ""
    return f"{tracker.place(issue.number)}: {issue.title} ({issue.state}){labels}"


def _comment(one: RemoteComment) -> str:
    return f"{one.author} said:\n{marker.without(one.text)}"
