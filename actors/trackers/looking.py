"""Looks at what may be new on the other side, and has the card know."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from actors.trackers.outbox import Look
from actors.trackers.writing import Seen, Writing
from events.tracker import PullLinked
from vapora.clock import Clock
from vapora.domain.tracker import incoming
from vapora.domain.tracker.connection import Tracker
from vapora.errors import VersionConflictError
from vapora.trackers import TrackerClient
from vapora.trackers.client import MOST_PAGES
from vapora.trackers.line import PAGE

_MOST_TRIES: Final = 10
_BRANCHES: Final = "vapora/"
# Their clock and ours may differ; what is looked at twice is no news the second time.
OVERLAP: Final = timedelta(seconds=60)
# What one listing of changes brings at most.
MOST_AT_ONCE: Final = PAGE * MOST_PAGES


class Looker:
    def __init__(self, workspace: str, writing: Writing, clock: Clock) -> None:
        self._workspace = workspace
        self._writing = writing
        self._clock = clock

    async def look(self, tracker: Tracker, client: TrackerClient, look: Look) -> list[Look]:
        """What is to be looked at next because of it. Raises what the client does, and what the log does."""
        if look.kind == "all":
            found = await client.changed(None, tracker.set.labels)
            return [Look(tracker.id, "issue", one.number, asked=True) for one in found.issues if not one.is_pull]
        for _ in range(_MOST_TRIES):
            try:
                if look.kind == "pull":
                    await self._pull(tracker, client, look.number)
                else:
                    await self._issue(tracker, client, look)
            except VersionConflictError:
                continue  # the card moved while the other side was asked
            return []
        return [look]

    async def changed(self, tracker: Tracker, client: TrackerClient, since: datetime) -> tuple[list[Look], datetime]:
        """What changed since then; and since when that is not known."""
        found = await client.changed(since)
        looks = [Look(tracker.id, "pull" if one.is_pull else "issue", one.number) for one in found.issues]
        newest = max((one.updated_at for one in found.issues if one.updated_at is not None), default=None)
        if found.whole:
            # Not later than the last that was seen: their clock decides.
            return looks, max(since, min(newest or since, self._clock() - OVERLAP))
        return looks, newest or since

    async def _issue(self, tracker: Tracker, client: TrackerClient, look: Look) -> None:
        seen = await self._writing.seen(tracker.id, "issue", look.number)
        issue = await client.issue(look.number)
        if issue is None:
            return
        meaning = incoming.of_issue(tracker, seen.link.state, issue, seen.card, asked=look.asked)
        if meaning.fresh is not None:
            await self._writing.made(tracker, issue, meaning.fresh, seen)
        elif seen.link.state is None:
            return
        else:
            await self._writing.meant(tracker, "issue", issue.number, meaning, seen)
        comments = (await client.comments(issue.number))[-incoming.MOST_EARLIER_COMMENTS :]
        seen = await self._writing.seen(tracker.id, "issue", issue.number)
        if seen.link.state is not None and seen.card is not None:
            said = incoming.of_comments(tracker, seen.link.state, comments, seen.card, self._workspace)
            await self._writing.meant(tracker, "issue", issue.number, said, seen)

    async def _pull(self, tracker: Tracker, client: TrackerClient, number: str) -> None:
        seen = await self._writing.seen(tracker.id, "pull", number)
        pull = await client.pull(number)
        if pull is None:
            return
        if seen.link.state is None:
            seen = await self._found_pull(tracker, number, pull.branch, pull.url, seen)
        if seen.link.state is None or seen.card is None:
            return
        # What was said before it was merged comes before the merge.
        comments = await client.pull_comments(number)
        said = incoming.of_comments(tracker, seen.link.state, comments, seen.card, self._workspace)
        await self._writing.meant(tracker, "pull", number, said, seen)
        seen = await self._writing.seen(tracker.id, "pull", number)
        if seen.link.state is not None and seen.card is not None:
            meaning = incoming.of_pull(tracker, seen.link.state, pull, seen.card)
            await self._writing.meant(tracker, "pull", number, meaning, seen)

    async def _found_pull(self, tracker: Tracker, number: str, branch: str, url: str, seen: Seen) -> Seen:
        """Somebody opened it by hand for a branch of ours."""
        task_id = branch.removeprefix(_BRANCHES).partition(".")[0] if branch.startswith(_BRANCHES) else ""
        task = await self._writing.task(task_id) if task_id else None
        if task is None or task.project_id != tracker.set.project_id:
            return seen
        event = PullLinked(tracker_id=tracker.id, task_id=task.id, number=number, url=url, branch=branch)
        await self._writing.tell(tracker.id, "pull", number, event)
        return await self._writing.seen(tracker.id, "pull", number)
