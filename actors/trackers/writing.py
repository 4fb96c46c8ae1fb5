"""What a tracker brought, or took, in the log: together with what it means for the card, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from events.ids import project_stream, task_stream, tracked_stream, tracker_stream
from events.tracker import IssueLinked, PullLinked, TrackerRefused, TrackerSent
from vapora.clock import new_id
from vapora.commands import SubmitTask
from vapora.dispatch import Dispatcher
from vapora.dispatch.folds import LINK
from vapora.domain.task_state import Task
from vapora.domain.tracker.connection import Tracker, actor_of
from vapora.domain.tracker.incoming import Meaning
from vapora.domain.tracker.link import Link, LinkKind
from vapora.domain.tracker.on_card import events_of
from vapora.domain.tracker.remote import RemoteIssue
from vapora.errors import ConflictError, VersionConflictError
from vapora.log.client import LogClient
from vapora.log.folds import LoadedFold, StreamFolds
from vapora.ports import Origin

_MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A link and its card as they were when something was asked about them."""

    link: LoadedFold[Link | None]
    task: LoadedFold[Task | None] | None

    @property
    def card(self) -> Task | None:
        return None if self.task is None else self.task.state


class Writing:
    def __init__(self, log: LogClient, workspace: str, dispatcher: Dispatcher) -> None:
        self._log = log
        self._workspace = workspace
        self._dispatcher = dispatcher
        self._links = StreamFolds(log, LINK, None)

    async def task(self, task_id: str) -> Task | None:
        return (await self._dispatcher.tasks.load(task_stream(task_id))).state

    async def seen(self, tracker_id: str, kind: LinkKind, number: str) -> Seen:
        link = await self._links.load(tracked_stream(tracker_id, kind, number))
        if link.state is None:
            return Seen(link, None)
        return Seen(link, await self._dispatcher.tasks.load(task_stream(link.state.task_id)))

    async def made(self, tracker: Tracker, issue: RemoteIssue, command: SubmitTask, seen: Seen) -> None:
        """A card of the issue. Raises `VersionConflictError` where somebody was quicker, and what `Dispatcher` does."""
        task_id = new_id("task")
        events, expected = await self._dispatcher.submission(command, task_id)
        linked = IssueLinked(
            tracker_id=tracker.id,
            task_id=task_id,
            number=issue.number,
            url=issue.url,
            made="card",
            digest=issue.digest,
            state=issue.state,
        )
        stream = tracked_stream(tracker.id, "issue", issue.number)
        await self._log.append(
            self._origin(tracker.id),
            (task_stream(task_id), 0, events),
            (stream, seen.link.version, (linked,)),
            expected=expected,
        )

    async def meant(self, tracker: Tracker, kind: LinkKind, number: str, meaning: Meaning, seen: Seen) -> None:
        """On the card as it was when the other side was asked: raises `VersionConflictError` where it has changed
        since, so that a look at old news undoes nothing."""
        if seen.task is None or seen.task.state is None or not meaning.received:
            return
        task = seen.task.state
        project = (await self._dispatcher.projects.load(project_stream(task.project_id))).state
        events = events_of(task, meaning.commands, partial(new_id, "comment"), project)
        stream = tracked_stream(tracker.id, kind, number)
        await self._log.append(
            self._origin(tracker.id),
            (task_stream(task.id), seen.task.version, events),
            (stream, seen.link.version, meaning.received),
            expected={task_stream(task.id): seen.task.version},
        )

    async def tell(
        self, tracker_id: str, kind: LinkKind, number: str, event: IssueLinked | PullLinked | TrackerSent
    ) -> None:
        """Once: what was told already is not told again."""
        stream = tracked_stream(tracker_id, kind, number)

        async def attempt() -> None:
            link = await self._links.load(stream)
            if link.state is None or event.position not in link.state.carried:
                await self._log.append(self._origin(tracker_id, event.position), (stream, link.version, (event,)))

        await _decided_again(attempt)

    async def refused(self, tracker_id: str, event: TrackerRefused) -> None:
        stream = tracker_stream(tracker_id)

        async def attempt() -> None:
            state = await self._dispatcher.trackers.load(stream)
            await self._log.append(self._origin(tracker_id, event.position), (stream, state.version, (event,)))

        await _decided_again(attempt)

    def _origin(self, tracker_id: str, causation: int | None = None) -> Origin:
        return Origin(self._workspace, actor_of(tracker_id), new_id("cor"), causation or None)


async def _decided_again(attempt: Callable[[], Awaitable[None]]) -> None:
    for _ in range(_MOST_TRIES):
        try:
            await attempt()
        except VersionConflictError:
            continue
        return
    raise ConflictError("The log of this issue grows faster than it can be written to.", remedy="Try again.")
