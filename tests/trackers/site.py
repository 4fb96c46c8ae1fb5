"""A workspace's trackers over a real log, a vault and the fakes, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from actors.log_writer import LogWriter
from actors.secrets import SecretReader
from actors.trackers import Trackers
from actors.trackers.opening import open_trackers
from events import DomainEvent
from events.ids import task_stream
from events.task import TaskAssigned, TaskPushed, TaskSentToReview
from events.work import Work
from tests.actors.kit import ORIGIN, WORKSPACE, Line, everything, of_kind
from tests.vault.bench import over_files, secret
from tests.waiting import DEADLINE_S
from vapora.backoff import Backoff
from vapora.clock import now
from vapora.commands import CommentTask, CreateProject, ImportIssues, LinkTask, SetTracker, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.dispatch.secrets import SecretEvents
from vapora.domain.cell import Rest
from vapora.domain.task_state import Task
from vapora.log.client import LogClient
from vapora.ports import Origin, Person
from vapora.settings import Network
from vapora.testing.trackers import FakeGitHub, FakeJira, Message

Fake = FakeGitHub | FakeJira
LOOPBACK = (ip_network("127.0.0.0/8"),)
ALICE = Origin(WORKSPACE, "user:u-1", "cor-2")
HEAD = "a" * 40


@dataclass
class Site:
    writer: LogWriter
    folder: Path
    fake: Fake
    allowed: tuple[Network, ...] = LOOPBACK
    trackers: Trackers | None = None
    project: str = ""
    told: int = 0
    asked_people: list[str] = field(default_factory=list)

    @property
    def log(self) -> LogClient:
        return LogClient(self.writer, WORKSPACE)

    @property
    def ours(self) -> Trackers:
        assert self.trackers is not None
        return self.trackers

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.log, now)

    async def connect(self, **more: Any) -> None:
        vault = over_files(self.folder)
        await asyncio.to_thread(vault.put, WORKSPACE, "tracker-token", secret("canary-tracker-token"))
        await asyncio.to_thread(vault.put, WORKSPACE, "tracker-signing", secret(self.fake.secret))
        vault.close()
        if not self.project:
            self.project = (await self.dispatcher.dispatch(ORIGIN, CreateProject(name="The app"))).id
        said: dict[str, Any] = {
            "kind": "github",
            "url": self.fake.url,
            "project_id": self.project,
            "secret": "tracker-token",
            "webhook_secret": "tracker-signing",
            "poll_s": 86_400,
        }
        if isinstance(self.fake, FakeGitHub):
            said |= {"remote": self.fake.repository}
        else:
            said |= {"kind": "jira", "remote": self.fake.project, "username": "bot@example.com"}
        await self.dispatcher.dispatch(ORIGIN, SetTracker(**{**said, **more}), "app")

    async def start(self, line: Line | None = None) -> None:
        log = self.log if line is None else LogClient(line, WORKSPACE)

        async def people(ids: Any) -> list[Person]:
            self.asked_people += ids
            return [Person(one, "Ann Who", "ann@example.com") for one in ids]

        events = SecretEvents(self.log, now)
        self.trackers = open_trackers(
            log,
            WORKSPACE,
            dispatcher=Dispatcher(log, now),
            folder=self.folder / "trackers",
            secrets=SecretReader(over_files(self.folder), lambda _: events, "trackers", now),
            people=people,
            allowed=self.allowed,
            pauses=Backoff(0.01, longest_s=0.05),
        )
        await self.trackers.start()

    async def stop(self) -> None:
        if self.trackers is not None:
            await self.trackers.stop()
            self.trackers = None

    # What happens.

    def number(self, one: int) -> str:
        return str(one) if isinstance(self.fake, FakeGitHub) else self.fake.key(one)

    async def tell(self) -> list[Message]:
        """The webhooks that came up since the last time; answers them."""
        messages = self.fake.messages[self.told :]
        self.told = len(self.fake.messages)
        for one in messages:
            await self.ours.deliver("app", one.headers, one.body)
        return messages

    async def says(self, task_id: str, text: str, origin: Origin = ALICE) -> None:
        await self.dispatcher.dispatch(origin, CommentTask(text=text), task_id)

    async def submit(self, **more: Any) -> str:
        said = {"project_id": self.project, "title": "Make it quick", "description": "It is slow.", **more}
        return (await self.dispatcher.dispatch(ORIGIN, SubmitTask(**said))).id

    async def want_issue(self, task_id: str) -> None:
        await self.dispatcher.dispatch(ALICE, LinkTask(tracker_id="app"), task_id)

    async def import_issues(self, *numbers: int) -> None:
        command = ImportIssues(numbers=tuple(map(self.number, numbers)))
        await self.dispatcher.dispatch(ALICE, command, "app")

    async def append(self, task_id: str, *events: DomainEvent) -> None:
        version = len(await self.log.read(task_stream(task_id)))
        await self.log.append(ALICE, (task_stream(task_id), version, events))

    async def worked_on(self, task_id: str) -> None:
        """An agent did it; its branch was pushed."""
        branch = f"vapora/{task_id}"
        work = Work(branch=branch, base_branch="main", base="b" * 40, head=HEAD, checks="green")
        assigned = TaskAssigned(
            task_id=task_id,
            run_id=f"{task_id}.1",
            agent_id="developer",
            role="developer",
            subject="developer",
            candidates=(),
            reason="the only one",
            policy="only",
            propensity=1,
        )
        sent = TaskSentToReview(task_id=task_id, run_id=f"{task_id}.1", reviewer="human", work=work)
        await self.append(task_id, assigned, sent, TaskPushed(task_id=task_id, branch=branch, head=HEAD))

    # What came of it.

    async def settled(self) -> Rest:
        """Once nothing is on its way, and nothing waits."""
        async with asyncio.timeout(DEADLINE_S):
            while (rest := await self.ours.rest()).busy or any(
                one.waiting or one.problem for one in (await self.ours.status()).values()
            ):
                await asyncio.sleep(0.001)
        return rest

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                await asyncio.sleep(0.002)

    async def cards(self) -> list[Task]:
        found = []
        for one in await everything(self.log):
            if one.topic == "task.submitted":
                state = (await self.dispatcher.tasks.load(task_stream(one.stream.partition(":")[2]))).state
                assert state is not None
                found.append(state)
        return found

    async def card(self) -> Task:
        [one] = await self.cards()
        return one

    async def said(self) -> list[str]:
        """Comments on cards, in order."""
        return [getattr(one.event, "text", "") for one in await everything(self.log) if one.topic == "task.commented"]

    def comments(self, number: int = 1) -> list[str]:
        if isinstance(self.fake, FakeGitHub):
            return [str(one.text) for one in self.fake.comments_of(number)]
        return self.fake.texts_of(number)

    async def of(self, kind: type[DomainEvent]) -> list[Any]:
        return list(await of_kind(self.log, kind))

    def is_closed(self, number: int = 1) -> bool:
        return self.fake.threads[number].state == "closed"
