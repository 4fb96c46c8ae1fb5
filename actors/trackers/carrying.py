"""Carries to the other side what was said and done on a card, each once.

Whatever is sent bears a reference. That it is about to go out is noted before; where that note stands already, it is
looked for before it is sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from actors.trackers.known import Known
from actors.trackers.outbox import Begun
from actors.trackers.writing import Writing
from events import Recorded
from events.task import TaskCommented, TaskEdited, TaskPushed
from events.tracker import IssueLinked, PullLinked, TrackerRefused, TrackerSent
from vapora.domain.task_state import Task
from vapora.domain.tracker import marker, outgoing
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.link import Link
from vapora.domain.tracker.outgoing import Wish
from vapora.domain.tracker.remote import Changed, RemoteIssue
from vapora.log.client import LogClient
from vapora.trackers import TrackerClient, TrackerRefusedError

# Notes that something is about to go out.
Begin = Callable[[Wish], Awaitable[Any]]
# The name by which others know who did something here.
NameOf = Callable[[str], Awaitable[str]]


class Carrier:
    def __init__(self, log: LogClient, workspace: str, writing: Writing, known: Known, name_of: NameOf) -> None:
        self._log = log
        self._workspace = workspace
        self._writing = writing
        self._known = known
        self._name_of = name_of

    async def carry(self, tracker: Tracker, client: TrackerClient, one: Begun, begin: Begin) -> None:
        """Raises what the client does, but for a refusal, which is recorded."""
        wish = one.wish
        found = await self._log.pick((wish.position,))
        task = await self._writing.task(wish.task_id)
        if not found or task is None:
            return
        try:
            await self._deed(tracker, client, one, found[0], task, begin)
        except TrackerRefusedError as error:
            refused = TrackerRefused(
                tracker_id=tracker.id, task_id=task.id, position=wish.position, reason=error.message
            )
            await self._writing.refused(tracker.id, refused)

    async def _deed(
        self, tracker: Tracker, client: TrackerClient, one: Begun, recorded: Recorded, task: Task, begin: Begin
    ) -> None:
        wish, links = one.wish, self._known.links_of(task.id)
        issue = next((found for found in links if found.tracker_id == tracker.id and found.kind == "issue"), None)
        if wish.deed == "issue":
            await self._issue(tracker, client, one, task, issue, begin)
        elif wish.deed == "pull" and isinstance(recorded.event, TaskPushed):
            await self._pull(tracker, client, one, recorded.event.branch, task, issue, begin)
        elif wish.deed == "comment" and isinstance(recorded.event, TaskCommented):
            where = issue or next((found for found in links if found.tracker_id == tracker.id), None)
            if where is not None and wish.position not in await self._carried(where):
                await self._comment(tracker, client, one, recorded, recorded.event, where, begin)
        elif issue is not None and wish.position not in await self._carried(issue):
            if wish.deed == "edit" and isinstance(recorded.event, TaskEdited):
                changed = self._changed(tracker, recorded.event, task, issue, wish.position)
                await self._told(issue, wish, await client.edit_issue(issue.number, changed), edited=True)
            elif wish.deed == "state" and (target := outgoing.target_of(task, recorded.event)) is not None:
                await self._told(issue, wish, await client.turn_issue(issue.number, target), edited=False)

    async def _carried(self, link: Link) -> frozenset[int]:
        """As the log has it, which may be further than what was followed."""
        seen = await self._writing.seen(link.tracker_id, link.kind, link.number)
        return frozenset() if seen.link.state is None else seen.link.state.carried

    async def _issue(
        self, tracker: Tracker, client: TrackerClient, one: Begun, task: Task, issue: Link | None, begin: Begin
    ) -> None:
        if issue is not None:
            return  # it has one by now
        ref = marker.reference(self._workspace, one.wish.position, "issue")
        made = await client.find_issue(ref) if one.before else None
        if made is None:
            await begin(one.wish)
            text = marker.signed(tracker.set.kind, outgoing.issue_text(task), ref)
            made = await client.create_issue(task.title, text, tracker.set.labels[:1])
        event = IssueLinked(
            tracker_id=tracker.id,
            task_id=task.id,
            number=made.number,
            url=made.url,
            made="issue",
            digest=made.digest,
            state=made.state,
            position=one.wish.position,
        )
        await self._writing.tell(tracker.id, "issue", made.number, event)

    async def _comment(
        self,
        tracker: Tracker,
        client: TrackerClient,
        one: Begun,
        recorded: Recorded,
        event: TaskCommented,
        link: Link,
        begin: Begin,
    ) -> None:
        ref = marker.reference(self._workspace, one.wish.position, "comment")
        said = await client.find_comment(link.number, ref) if one.before else None
        if said is None:
            author = event.agent_id or await self._name_of(recorded.actor)
            text = marker.signed(tracker.set.kind, outgoing.comment_text(event, author), ref)
            await begin(one.wish)
            said = await client.add_comment(link.number, text)
        sent = TrackerSent(
            tracker_id=tracker.id,
            task_id=link.task_id,
            number=link.number,
            thing="comment",
            remote_id=said.id,
            position=one.wish.position,
        )
        await self._writing.tell(tracker.id, link.kind, link.number, sent)

    async def _pull(
        self,
        tracker: Tracker,
        client: TrackerClient,
        one: Begun,
        branch: str,
        task: Task,
        issue: Link | None,
        begin: Begin,
    ) -> None:
        """One that is open already has what was pushed. A branch has one at a time, so that it is looked for first."""
        if task.project_id != tracker.set.project_id or task.work is None:
            return
        found = await client.find_pull(branch)
        if found is None or found.state != "open":
            place = "" if issue is None else tracker.place(issue.number)
            text = outgoing.pull_text(task, issue, place)
            await begin(one.wish)
            found = await client.open_pull(branch, task.work.base_branch, task.title, text)
        event = PullLinked(
            tracker_id=tracker.id,
            task_id=task.id,
            number=found.number,
            url=found.url,
            branch=branch,
            position=one.wish.position,
        )
        await self._writing.tell(tracker.id, "pull", found.number, event)

    def _changed(self, tracker: Tracker, event: TaskEdited, task: Task, issue: Link, position: int) -> Changed:
        """As the card is now. An issue that we made keeps a reference at its end."""
        body = outgoing.issue_text(task) if event.description is not None else None
        if body is not None and issue.made == "issue":
            body = marker.signed(tracker.set.kind, body, marker.reference(self._workspace, position, "issue"))
        return Changed(title=task.title if event.title is not None else None, body=body)

    async def _told(self, link: Link, wish: Wish, now: RemoteIssue, *, edited: bool) -> None:
        """What others changed meanwhile is not taken for ours: only an edit of ours says what the issue reads now."""
        sent = TrackerSent(
            tracker_id=link.tracker_id,
            task_id=link.task_id,
            number=link.number,
            thing="issue",
            remote_id=now.number,
            position=wish.position,
            digest=now.digest if edited else "",
            state=now.state,
        )
        await self._writing.tell(link.tracker_id, "issue", link.number, sent)
