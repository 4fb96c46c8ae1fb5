"""What every tracker can do for us."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from vapora.domain.tracker.outgoing import Target
from vapora.domain.tracker.remote import Changed, RemoteComment, RemoteIssue, RemotePull
from vapora.trackers.line import Line
from vapora.trackers.problems import TrackerRefusedError

# Of one listing: 1,000 issues. What is beyond comes with the next look, since each begins where the last one ended.
MOST_PAGES = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What changed since an instant, the oldest first. `whole`: nothing was left out."""

    issues: tuple[RemoteIssue, ...]
    whole: bool = True


class TrackerClient(Protocol):
    """Every method raises `TrackerDelayedError`, `TrackerSignInError` and `TrackerRefusedError`.

    `ref`: the reference that the text ends with already; by it the `find_…` methods tell whether something was sent
    before the answer was lost.
    """

    line: Line

    async def who(self) -> str:
        """The account that the token belongs to: asked to try a connection."""
        ...

    async def changed(self, since: datetime | None, labels: tuple[str, ...] = ()) -> Found:
        """Issues (and of GitHub, pull requests) that changed since then; None: all that are open."""
        ...

    async def issue(self, number: str) -> RemoteIssue | None:
        """None: there is none, or not any more."""
        ...

    async def comments(self, number: str) -> tuple[RemoteComment, ...]:
        """In the order in which they were made."""
        ...

    async def add_comment(self, number: str, text: str) -> RemoteComment: ...

    async def find_comment(self, number: str, ref: str) -> RemoteComment | None: ...

    async def create_issue(self, title: str, text: str, labels: tuple[str, ...]) -> RemoteIssue: ...

    async def find_issue(self, ref: str) -> RemoteIssue | None:
        """Among those that were made lately."""
        ...

    async def edit_issue(self, number: str, changed: Changed) -> RemoteIssue: ...

    async def turn_issue(self, number: str, target: Target) -> RemoteIssue:
        """Open it, close it, or say that it is being worked on; nothing where it is so."""
        ...

    async def pull(self, number: str) -> RemotePull | None: ...

    async def pull_comments(self, number: str) -> tuple[RemoteComment, ...]: ...

    async def find_pull(self, branch: str) -> RemotePull | None:
        """The newest one of a branch of the repository."""
        ...

    async def open_pull(self, branch: str, base: str, title: str, text: str) -> RemotePull: ...


class NoPulls:
    """What a tracker answers that has no pull requests."""

    async def pull(self, number: str) -> RemotePull | None:
        return None

    async def pull_comments(self, number: str) -> tuple[RemoteComment, ...]:
        return ()

    async def find_pull(self, branch: str) -> RemotePull | None:
        return None

    async def open_pull(self, branch: str, base: str, title: str, text: str) -> RemotePull:
        raise TrackerRefusedError("It has no pull requests.", 0)


def text_at(said: Any, *path: str) -> str:
    """A text within an answer; empty where there is none."""
    for name in path:
        said = said.get(name) if isinstance(said, dict) else None
    return said if isinstance(said, str) else ""


def instant_at(said: Any, *path: str) -> datetime | None:
    """GitHub writes `2026-11-24T12:00:00Z`, Jira `2026-11-24T12:00:00.000+0000`."""
    try:
        return datetime.fromisoformat(text_at(said, *path))
    except ValueError:
        return None


def address_at(said: Any, *path: str) -> str:
    """Where people read it; empty where that is no address of the web."""
    found = text_at(said, *path)
    return found if found.startswith(("https://", "http://")) else ""


def dicts(said: Any) -> list[dict[str, Any]]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
