"""A cell whose projects have repositories: a person's own on this machine, the actor that works in ours, and an agent
that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from actors.repositories import Repositories
from actors.repositories.open import OpenRepositories
from actors.snapshots import saved_landings
from actors.work_messages import BeginRun, Begun, Place, UseTool
from events import DomainEvent
from events.ids import ChecksVerdict, MergePolicy, Review, StreamName, project_stream, task_stream
from events.project import ProjectCreated
from events.task import TaskApproved, TaskAssigned, TaskCompleted, TaskSentToReview, TaskSubmitted
from events.work import Check, Work
from tests.actors.kit import ORIGIN, WORKSPACE, Line, MovableClock, everything, log_writer
from tests.repo.site import VAPORA, TheirRepository, environ
from tests.waiting import DEADLINE_S
from vapora.blobs import open_blobs
from vapora.domain import task as tasks
from vapora.domain.task_state import Task
from vapora.log.client import LogClient
from vapora.repo.branch_bundles import BranchBundles

TOOLS = ("file_read", "file_write", "run_command", "finish")
SOON_S = 0.05

Event = TypeVar("Event", bound=DomainEvent)


@dataclass
class Site:
    folder: Path
    clock: MovableClock
    line: Line
    log: LogClient
    theirs: TheirRepository
    repositories: Repositories = field(init=False)
    opened: OpenRepositories = field(init=False)
    # Of the node that it is on, and what all nodes have.
    data: str = "data"
    bundles: BranchBundles | None = None

    def build(self, **options: Any) -> Repositories:
        """Another one on the same folders, as after a restart."""
        data = self.folder / self.data
        blobs = open_blobs("", data / "blobs", WORKSPACE)
        self.opened = OpenRepositories(
            self.log,
            data / "repositories",
            roots=(self.folder,),
            environ=environ(),
            committer=VAPORA,
            sandbox="none",
            text=blobs.text,
            bundles=self.bundles,
        )
        named: dict[str, Any] = {"look_again_s": SOON_S, "saved": saved_landings(data / "snapshots")} | options
        self.repositories = Repositories(self.log, WORKSPACE, self.opened, blobs, self.clock, **named)
        return self.repositories

    async def restart(self, **options: Any) -> Repositories:
        await self.repositories.stop()
        await self.build(**options).start()
        return self.repositories

    async def append(self, stream: StreamName, *events: DomainEvent) -> None:
        known = await self.log.read(stream)
        await self.log.append(ORIGIN, (stream, len(known), events))

    async def project(self, *, lands: bool = True, checks: tuple[str, ...] = (), **more: Any) -> None:
        """`p1`, on their repository. `lands`: accepted work does by itself."""
        named = tuple(Check(name=one, command=one, timeout_s=60) for one in checks)
        policy = MergePolicy.WHEN_APPROVED if lands else MergePolicy.MANUAL
        fields: dict[str, Any] = {"repo": str(self.theirs.path), "checks": named, "merge_policy": policy} | more
        await self.append(project_stream("p1"), ProjectCreated(project_id="p1", name="Atlas", **fields))

    async def submit(self, task_id: str, review: Review = Review.NONE) -> None:
        title = f"Do {task_id}"
        submitted = TaskSubmitted(
            task_id=task_id, project_id="p1", title=title, task_type="code-generation", review=review
        )
        await self.append(task_stream(task_id), submitted)

    async def begin(self, task_id: str, run: int = 1, attempt: int = 1) -> tuple[Place, Begun]:
        """The card is assigned, and its run has its worktree."""
        run_id = f"{task_id}.{run}"
        assigned = TaskAssigned(
            task_id=task_id,
            run_id=run_id,
            agent_id="developer",
            role="developer",
            subject="s",
            candidates=(),
            reason="",
            policy="formula-v1",
            propensity=1,
        )
        await self.append(task_stream(task_id), assigned)
        place = Place("p1", task_id, run_id, "developer", attempt)
        begun = await self.repositories.begin(BeginRun(place, TOOLS, ("**",)))
        assert begun is not None
        return place, begun

    async def write(self, place: Place, begun: Begun, files: dict[str, str]) -> str:
        """One tool call for each file; the branch's head."""
        head = begun.workplace.head
        for number, (path, content) in enumerate(files.items()):
            arguments = {"path": path, "content": content}
            use = UseTool(place, begun.workplace, head, 0, number, "file_write", arguments)
            outcome = await self.repositories.use_tool(use)
            assert outcome.ok, outcome.text
            head = outcome.commit
        return head

    async def hand_in(
        self,
        task_id: str,
        files: dict[str, str],
        *,
        run: int = 1,
        checks: ChecksVerdict = ChecksVerdict.GREEN,
        review: Review = Review.NONE,
    ) -> Work:
        """A good run from its beginning to the end of it."""
        place, begun = await self.begin(task_id, run)
        head = await self.write(place, begun, files)
        await self.repositories.end(place)
        at = begun.workplace
        work = Work(branch=at.branch, base_branch=at.base_branch, base=at.base, head=head, checks=checks)
        run_id = place.run_id
        done: DomainEvent = TaskCompleted(task_id=task_id, run_id=run_id, work=work)
        if review is not Review.NONE:
            done = TaskSentToReview(task_id=task_id, run_id=run_id, reviewer=review, work=work)
        await self.append(task_stream(task_id), done)
        return work

    async def approve(self, task_id: str, work: Work) -> None:
        await self.append(task_stream(task_id), TaskApproved(task_id=task_id, head=work.head))

    async def task(self, task_id: str) -> Task:
        return tasks.require(tasks.fold([one.event for one in await self.log.read(task_stream(task_id))]), task_id)

    async def of(self, kind: type[Event], task_id: str) -> list[Event]:
        return [one.event for one in await self.log.read(task_stream(task_id)) if isinstance(one.event, kind)]

    async def until(self, kind: type[Event], task_id: str, count: int = 1) -> Event:
        """Wait for so many events of a kind on a card; the last of them."""
        position = 0
        async with asyncio.timeout(DEADLINE_S):
            while len(found := await self.of(kind, task_id)) < count:
                position = (await self.log.poll(position, 1_000, 5, (kind.TOPIC,))).position
        return found[count - 1]

    async def settled(self) -> int:
        """How far the log has come."""
        return (await everything(self.log))[-1].position

    def main(self, path: str) -> str:
        return self.theirs.git("show", f"main:{path}")

    def worktrees(self) -> set[str]:
        folder = self.opened.folder / "p1" / "worktrees"
        return {one.name for one in folder.iterdir()} if folder.is_dir() else set()


@asynccontextmanager
async def site(folder: Path, **options: Any) -> AsyncIterator[Site]:
    clock = MovableClock()
    theirs = TheirRepository(folder / "theirs")
    theirs.commit({"a.txt": "1\n2\n3\n", "README.md": "Atlas\n"})
    async with log_writer(clock) as writer:
        line = Line(writer)
        made = Site(folder, clock, line, LogClient(line, WORKSPACE), theirs)
        await made.build(**options).start()
        try:
            yield made
        finally:
            await made.repositories.stop()
