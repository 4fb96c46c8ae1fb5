"""The trackers of a workspace: follows the log, and keeps cards and issues in step.

It runs only where one is connected, and stands in nobody's way: what it could not do yet waits in a file of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import structlog
from pydantic import SecretStr

from actors.follower import Follower
from actors.kinds import never_repeated
from actors.trackers.carrying import Carrier, NameOf
from actors.trackers.desk import Desk, UseTracker
from actors.trackers.known import ALL, CONNECTIONS, Known
from actors.trackers.looking import Looker
from actors.trackers.outbox import Look, Outbox
from actors.trackers.worker import Tools, Worker
from actors.trackers.writing import Writing
from events import Recorded
from events.tracker import ImportRequested, TrackerSet
from vapora.backoff import Backoff
from vapora.clock import Clock
from vapora.dispatch import Dispatcher
from vapora.domain.cell import Rest, together
from vapora.domain.tracker import connection, outgoing, webhook
from vapora.domain.tracker.connection import Tracker
from vapora.errors import BadInputError, UnauthenticatedError, UnavailableError, VaporaError
from vapora.log.client import LogClient
from vapora.tools.values import ToolResult
from vapora.trackers import TrackerClient, TrackerSignInError
from vapora.views import TrackerOutcome, TrackerStatus

_PAGE = 2_000
_PAUSES = Backoff(1, longest_s=300)
_TOPICS = tuple(dict.fromkeys((*ALL, ImportRequested.TOPIC, *outgoing.TOPICS)))

T = TypeVar("T")
# A secret of the workspace by its name; None: there is none.
Secret = Callable[[str], Awaitable[SecretStr | None]]
ClientOf = Callable[[TrackerSet, SecretStr], TrackerClient]


class Trackers:
    """`vapora.ports.TrackersPort`. `client_of`: the client for a connection and its token. `check`: raises
    `BadInputError` for an address that nobody may go to. `name_of`: of who did something, as others read it."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        clock: Clock,
        *,
        dispatcher: Dispatcher,
        open_outbox: Callable[[], Outbox],
        secret: Secret,
        client_of: ClientOf,
        check: Callable[[str], Awaitable[None]],
        name_of: NameOf,
        pauses: Backoff = _PAUSES,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._clock = clock
        self._open_outbox = open_outbox
        self._secret = secret
        self._client_of = client_of
        self._check = check
        self._known = Known()
        self._outbox: Outbox | None = None
        self._workers: dict[str, Worker] = {}
        writing = Writing(log, workspace, dispatcher)
        self._tools = Tools(
            looker=Looker(workspace, writing, clock),
            carrier=Carrier(log, workspace, writing, self._known, name_of),
            open=self._opened,
            in_thread=self._in_thread,
            clock=clock,
            pauses=pauses,
        )
        self._desk = Desk(workspace, writing, lambda: self._known.trackers.values(), self._opened)
        self._follower = Follower(f"trackers/{workspace}", log, self._handle, topics=_TOPICS)
        self._journal = structlog.get_logger("trackers")

    async def start(self) -> None:
        self._outbox = await asyncio.to_thread(self._open_outbox)
        head, reached = await self._log.head(), self._outbox.position
        await self._learn(head)
        if reached is None or reached > head:
            # Lost, or of another past, as after a backup was put back. What came after the last thing that a tracker
            # took may be to be carried still; what was carried is known by the log.
            reached = self._known.position
            await self._in_thread(lambda outbox: outbox.begin(reached))
        self._follower.position = reached
        for tracker in self._known.trackers.values():
            self._run(tracker)
        self._follower.start()

    async def stop(self) -> None:
        await self._follower.stop()
        for worker in self._workers.values():
            await worker.stop()
        self._workers.clear()
        if self._outbox is not None:
            await asyncio.to_thread(self._outbox.close)

    async def health(self) -> dict[str, Any]:
        return {
            "position": self._follower.position,
            "problem": self._follower.problem,
            "trackers": {one: worker.problem for one, worker in self._workers.items()},
        }

    async def rest(self) -> Rest:
        if problem := self._follower.problem:
            return Rest(f"its trackers: {problem}")
        if await self._follower.is_behind():
            return Rest("something is to be carried to its trackers")
        return together([await worker.rest() for worker in self._workers.values()])

    # --- for people ---

    async def check(self, tracker: TrackerSet) -> None:
        """See `TrackersPort`."""
        await self._check(tracker.url)

    async def status(self) -> dict[str, TrackerStatus]:
        found = {}
        for one, worker in self._workers.items():
            waiting = await self._in_thread(partial(Outbox.waiting, tracker_id=one))
            held = worker.held_until
            found[one] = TrackerStatus(
                waiting=waiting,
                problem=worker.problem,
                held_until=held if held is not None and held > self._clock() else None,
            )
        return found

    async def test(self, tracker_id: str) -> TrackerOutcome:
        """See `TrackersPort`."""
        tracker = await self._tracker(tracker_id)
        try:
            client = await self._opened(tracker)
            try:
                return TrackerOutcome(reached=True, name=await client.who(), error="")
            finally:
                await client.line.close()
        except VaporaError as error:
            return TrackerOutcome(reached=False, name="", error=error.message)

    async def deliver(self, tracker_id: str, headers: Mapping[str, str], body: bytes) -> None:
        """See `TrackersPort`."""
        tracker = await self._tracker(tracker_id)
        secret = await self._secret(tracker.set.webhook_secret) if tracker.set.webhook_secret else None
        signed = secret is not None and webhook.is_signed(
            tracker.set.kind, secret.get_secret_value().strip(), headers, body
        )
        if not tracker.works or not signed:
            raise UnauthenticatedError(
                "The signature is not that of this tracker's webhooks.",
                remedy="Give the tracker and the webhook the same secret.",
            )
        try:
            said = json.loads(body)
        except ValueError:
            raise BadInputError("The body is no JSON.", remedy="Have the webhook send application/json.") from None
        found = webhook.where(tracker, said) if isinstance(said, dict) else ()
        looks = [Look(tracker.id, one.kind, one.number) for one in found]
        await self._in_thread(lambda outbox: outbox.note(looks))
        if tracker_id in self._workers:
            self._workers[tracker_id].wake()

    @never_repeated
    async def use_tool(self, use: UseTracker) -> ToolResult:
        """For agents. Raises what the tracker does."""
        return await self._desk.use(use)

    async def _tracker(self, tracker_id: str) -> Tracker:
        """Also one that was connected a moment ago."""
        if tracker_id not in self._known.trackers:
            await self._learn(await self._log.head())
        return connection.require(self._known.trackers.get(tracker_id), tracker_id)

    async def _opened(self, tracker: Tracker) -> TrackerClient:
        token = await self._secret(tracker.set.secret)
        if token is None:
            raise TrackerSignInError(
                f"There is no secret '{tracker.set.secret}' in the vault.", remedy="Store the token under this name."
            )
        return self._client_of(tracker.set, token)

    # --- following ---

    async def _learn(self, head: int) -> None:
        after = self._known.position
        while after < head:
            polled = await self._log.poll_sealed(after, _PAGE, 0, ALL)
            for record in polled.events:
                self._known.take(record.open())
            after = polled.position

    async def _handle(self, batch: Any) -> None:
        wishes: list[outgoing.Wish] = []
        looks: list[Look] = []
        removed: list[str] = []
        changed: dict[str, Tracker] = {}
        for recorded in batch:
            self._known.take(recorded)
            if recorded.topic in CONNECTIONS:
                tracker_id = recorded.stream.partition(":")[2]
                changed[tracker_id] = tracker = self._known.trackers[tracker_id]
                if tracker.removed:
                    removed.append(tracker_id)
            looks += _to_look_at(recorded)
            wishes += self._wishes_of(recorded)
        await self._in_thread(lambda outbox: outbox.take(batch[-1].position, wishes, looks, removed))
        for tracker in changed.values():
            await self._replace(tracker)
        told = {one.tracker_id for one in wishes} | {one.tracker_id for one in looks}
        for tracker_id in told & self._workers.keys():
            self._workers[tracker_id].wake()

    def _wishes_of(self, recorded: Recorded) -> tuple[outgoing.Wish, ...]:
        links = self._known.links_of(outgoing.task_of(recorded.event))
        trackers = self._known.trackers.values()
        return outgoing.wishes_of(recorded.event, recorded.position, recorded.actor, trackers, links)

    async def _replace(self, tracker: Tracker) -> None:
        worker = self._workers.pop(tracker.id, None)
        if worker is not None:
            await worker.stop()
        self._run(tracker)

    def _run(self, tracker: Tracker) -> None:
        if tracker.works:
            worker = self._workers[tracker.id] = Worker(tracker, self._tools)
            worker.start()

    async def _in_thread(self, work: Callable[[Outbox], T]) -> T:
        if self._outbox is None:
            raise UnavailableError("The trackers have not started.", remedy="Try again in a moment.")
        return await asyncio.to_thread(work, self._outbox)


def _to_look_at(recorded: Recorded) -> list[Look]:
    match recorded.event:
        case ImportRequested(tracker_id=tracker_id, numbers=()):
            return [Look(tracker_id, "all", "*", asked=True)]
        case ImportRequested(tracker_id=tracker_id, numbers=numbers):
            return [Look(tracker_id, "issue", number, asked=True) for number in numbers]
        case _:
            return []
