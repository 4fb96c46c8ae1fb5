"""One run as its agent has it in hand: its stream, and what came from outside meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from actors.agent.means import Means
from actors.messages import Assignment
from actors.work_messages import Place
from events import DomainEvent
from events.content import Content
from events.ids import project_stream, run_stream, task_stream
from events.run import CodeStepAsked, RunStarted
from vapora.agents.body import Body
from vapora.agents.requests import Request
from vapora.blobs import inline
from vapora.catalog import RoleManifest
from vapora.catalog.manifests import stored_manifest
from vapora.domain import run as rules
from vapora.domain.attached import is_text
from vapora.domain.cell import Rest
from vapora.domain.heartbeat import Pulse
from vapora.domain.model_quality import Evidence
from vapora.domain.project import Project
from vapora.domain.run import Run
from vapora.errors import VersionConflictError
from vapora.log.client import Change

# Whatever wakes it is heard at once; this is for a signal that was missed.
_LONGEST_SLEEP_S = 10.0
_AT_WORK = Rest("a run is under way")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Doing:
    """What a run is at, as in `vapora.domain.heartbeat.Pulse`."""

    what: str = ""
    name: str = ""
    limit_s: float | None = None


class RunUnderWay:
    """`called_off`: why a person took it back. `paused`: nothing new is begun until it is resumed. `earlier`: the run
    that it goes on from, once that was read. `gave_up`: what never came back before is settled. Of a run by code:
    `body`: the code under way; `round`: how often it began, with each set of checks anew; `told`: how many of its steps
    it was told; `asked`: the model call that it waits for. `evidence`: what its first call found that runs say of
    models."""

    def __init__(self, means: Means, assignment: Assignment) -> None:
        self.means = means
        self.assignment = assignment
        self.called_off: str | None = None
        self.paused = assignment.paused
        self.earlier: Run | None = None
        self.rest = _AT_WORK
        self.gave_up = assignment.given_up is None
        self.body: Body | None = None
        self.round = 1
        self.told = 0
        self.asked: Request | None = None
        self.evidence: tuple[Evidence, ...] | None = None
        self._doing = Doing(limit_s=means.limits.other_s)
        self._moved_at = time.monotonic()
        # The beginning of the run, while it waits for the append that it stands in together with what comes next.
        self.unsaid: tuple[DomainEvent, ...] = ()
        self._looked = False
        self._signal = asyncio.Event()
        self._read: dict[str, str] = {}
        self._seen_version = 0
        self._manifest: RoleManifest | None = None

    @property
    def id(self) -> str:
        return self.assignment.run_id

    @property
    def manifest(self) -> RoleManifest:
        """What it works by: that of its package, once `equip` has read it, else its role's. Raises `NotFoundError` for
        a role that is gone."""
        return self._manifest or self.means.roles(self.assignment.role)

    async def equip(self, run: Run) -> None:
        """Read the manifest of the package that the run began with, or is to begin with. One that has begun without a
        package ends so."""
        equipment = self.assignment.equipment if run.started is None else run.started.equipment
        if equipment is None:
            self._manifest = None
        else:
            self._manifest = await asyncio.to_thread(lambda: stored_manifest(self.text(equipment.manifest)))

    @property
    def by_code(self) -> bool:
        """Whether an agent written in Python has it."""
        return self._manifest is not None and bool(self._manifest.code)

    @property
    def place(self) -> Place:
        one = self.assignment
        return Place(one.task.project_id, one.task.id, one.run_id, one.agent_id, one.attempt, one.purpose)

    # What comes from outside.

    def call_off(self, reason: str) -> None:
        self.called_off = reason
        self._signal.set()

    def pause(self) -> None:
        self.paused = True
        self._signal.set()

    def resume(self) -> None:
        self.paused = False
        self._signal.set()

    async def until_resumed(self) -> None:
        """While it is paused and not called off; each of these is heard at once."""
        with self.at_rest():
            while self.paused and self.called_off is None:
                await self.unless_called_off(self.means.sleep(_LONGEST_SLEEP_S))

    @contextmanager
    def at_rest(self, due: datetime | None = None) -> Iterator[None]:
        """While it waits for a person, or until `due`: what it waits for is recorded, and its agent may be stopped."""
        self.rest = Rest(due=due)
        try:
            yield
        finally:
            self.rest = _AT_WORK

    async def unless_called_off(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """What it waits for; None as soon as the run is called off, paused or resumed, if that comes first."""
        ours, signal = asyncio.ensure_future(waiting), asyncio.ensure_future(self._signal.wait())
        try:
            await asyncio.wait((ours, signal), return_when=asyncio.FIRST_COMPLETED)
            return ours.result() if ours.done() else None
        finally:
            ours.cancel()
            signal.cancel()
            if self.called_off is None:
                self._signal.clear()

    # How far it is.

    def moved(self) -> None:
        """It took a step."""
        self._moved_at = time.monotonic()

    @contextmanager
    def at(self, doing: str, name: str = "", limit_s: float | None = None, version: int = 0) -> Iterator[None]:
        """While it is at something that may take `limit_s` (None: any time) without another sign of life. `version`:
        where the run's stream stands."""
        self._doing, self._seen_version = Doing(doing, name, limit_s), version
        self.moved()
        try:
            yield
        finally:
            self._doing = Doing(limit_s=self.means.limits.other_s)
            self.moved()

    async def pulse(self) -> Pulse:
        """What it is at, and for how long. A call of a model may take several attempts, which stand in the log."""
        doing = self._doing
        told = Pulse(self.id, doing.what, doing.name, 0, time.monotonic() - self._moved_at, doing.limit_s)
        if self.rest is not _AT_WORK:
            return replace(told, limit_s=None)
        if doing.what != "model" or not told.overdue:
            return told
        known = await self.means.log.read(run_stream(self.id), lenient=True)
        if len(known) > self._seen_version:
            self._seen_version = len(known)
            self.moved()
            return replace(told, since_s=0.0)
        call = rules.fold([one.event for one in known]).open_call
        return replace(told, name=call.call_id, attempt=call.attempt) if call is not None else told

    # Its stream.

    async def load(self) -> Run:
        """The run as the log has it. One that was never sent before has nothing there; where that is not so, because
        its first sender was not heard, the first append finds out, and the run is looked at again."""
        self.unsaid = ()
        looked, self._looked = self._looked, True
        if self.assignment.fresh and not looked:
            return rules.initial()
        return (await self.means.folds.load(run_stream(self.id))).state or rules.initial()

    async def project(self) -> Project | None:
        """As it is now."""
        return (await self.means.projects.load(project_stream(self.assignment.task.project_id))).state

    def begin(self, run: Run, events: tuple[DomainEvent, ...]) -> Run:
        """The run as it will be once `events` stand, which the next append of the run brings along."""
        self.unsaid = (*self.unsaid, *events)
        return _with(run, events)

    async def append(self, run: Run, events: tuple[DomainEvent, ...], *along: Change) -> Run:
        if events:
            change = (run_stream(self.id), run.version - len(self.unsaid), (*self.unsaid, *events))
            await self.means.log.append(self.assignment.origin, change, *along)
            self.unsaid = ()
            self.moved()
        return _with(run, events)

    async def end(self, run: Run, events: tuple[DomainEvent, ...]) -> Run:
        """With the card's move, if the card is as it was when the run was sent; else the coordinator moves it."""
        card = self.assignment.card
        moves = card.moves(events[-1]) if card is not None and events else ()
        if card is not None and moves:
            stream = task_stream(card.task.id)
            try:
                return await self.append(run, events, (stream, card.version, moves))
            except VersionConflictError as error:
                if error.details["stream"] != stream:
                    raise
        return await self.append(run, events)

    def appended(self, run: Run, events: Sequence[DomainEvent]) -> Run:
        """With what the router has appended to its stream, behind the beginning, which was known already."""
        if events:
            self.unsaid = ()
        return _with(run, [one for one in events if not isinstance(one, RunStarted | CodeStepAsked)])

    def opened(self, run: Run, events: tuple[DomainEvent, ...]) -> Run:
        """With what somebody else has appended for it, behind what was unsaid."""
        self.unsaid = ()
        return _with(run, events)

    # Its texts.

    def text(self, content: Content) -> str:
        """Blocks the first time for one that is kept apart; the conversation reads all of them at each step."""
        if content.digest is None:
            return self.means.texts.text(content)
        if content.digest not in self._read:
            self._read[content.digest] = self.means.texts.text(content)
        return self._read[content.digest]

    async def keep(self, text: str) -> Content:
        """A text as it stands in an event. In a thread where it is large: it goes to the disk or over the network."""
        small = inline(text)
        return small if small is not None else await asyncio.to_thread(self.means.texts.content, text)

    async def reading(self, run: Run, work: Callable[[], T]) -> T:
        """In a thread where texts must be fetched, from the disk or across the network; most stand inline."""
        contents = [*(one.answer for one in run.answers), *(one.result for one in run.used)]
        if run.started is not None and run.started.brief is not None:
            contents.append(run.started.brief)
        elif run.started is not None:
            contents += [one.content for one in run.started.attachments if is_text(one)]
        if all(one.text is not None or one.digest in self._read for one in contents):
            return work()
        return await asyncio.to_thread(work)


def _with(run: Run, events: Sequence[DomainEvent]) -> Run:
    for event in events:
        run = rules.evolve(run, event)
    return run
