"""Finished cards lead to documentation cards, each once, over a real log writer and the real way of requests."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from actors.log_writer import LogWriter
from actors.workflow_engine.documenting import Documenting
from events.document import DocumentCreated, DocumentEdited, DocumentPublished
from events.documentation import DocumentationRequested
from events.ids import ChecksVerdict, TaskState, task_stream
from events.task import TaskCompleted, TaskFailed, TaskLanded, TaskSubmitted
from events.work import Work
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, Line, MovableClock, log_writer, of_kind
from vapora.blobs import BlobStore
from vapora.clock import Clock
from vapora.commands import ArchiveProject, CreateProject, MoveTask, SubmitTask
from vapora.commands.documents import SetDocumentation
from vapora.dispatch import Dispatcher
from vapora.errors import ConflictError, RepositoryError, UnavailableError
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort
from vapora.views import ChangedFile, Changes, FileText


class Files:
    """A repository as it is after each landing."""

    def __init__(self) -> None:
        self.at: dict[str, dict[str, str]] = {}
        self.trouble: Exception | None = None

    async def changes(self, task_id: str) -> Changes:
        names = next((files for oid, files in self.at.items() if oid.startswith(task_id.encode().hex()[-6:])), {})
        files = tuple(
            ChangedFile(path=name, old_path=None, status="modified", additions=1, deletions=0, binary=False)
            for name in names
        )
        return Changes(
            branch="b", base="0", head="1", commits=(), files=files, patch="", truncated=False, checks=(),
            conflicts=(), approved_head=None,
        )  # fmt: skip

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]:
        if self.trouble is not None:
            raise self.trouble
        held = self.at.get(oid, {})
        return tuple(
            FileText(path=path, ref=oid, size=len(held[path]), text=held[path], binary=False, truncated=False)
            for path in paths
            if path in held
        )


class Host:
    """What the workflow engine does for it."""

    def __init__(self, writer: LogWriterPort, clock: Clock, files: Files, blobs: BlobStore) -> None:
        self.log = LogClient(writer, WORKSPACE)
        self.clock = clock
        self.documenting = Documenting(Dispatcher(self.log, clock), self.log, WORKSPACE, files, blobs)
        self.position = 0

    async def turn(self) -> None:
        """Until there is nothing to do."""
        while await self._follow() or ((due := self.documenting.next_due()) is not None and due <= self.clock()):
            await self.documenting.act(self.clock())

    async def _follow(self) -> bool:
        polled = await self.log.poll(self.position, 1_000, 0, tuple(self.documenting.topics))
        for recorded in polled.events:
            await self.documenting.apply(recorded)
        self.position = polled.position
        return bool(polled.events)


class Site:
    def __init__(self, writer: LogWriter, clock: MovableClock, folder: Path) -> None:
        self.writer = writer
        self.clock = clock
        self.log = LogClient(writer, WORKSPACE)
        self.dispatcher = Dispatcher(self.log, clock)
        self.files = Files()
        self.blobs = BlobStore(folder)
        self.host = self.new_host()
        self.project = ""

    def new_host(self, writer: LogWriterPort | None = None) -> Host:
        return Host(writer or self.writer, self.clock, self.files, self.blobs)

    async def rule(self, rule: str | None, project: str | None = None) -> None:
        command = SetDocumentation.model_validate({"rule": rule, "project_id": project})
        await self.dispatcher.dispatch(ORIGIN, command)

    async def task(self, title: str = "Mend the slug", **more: Any) -> str:
        command = SubmitTask(**{"project_id": self.project, "title": title, **more})
        return (await self.dispatcher.dispatch(ORIGIN, command)).id

    async def end(self, task_id: str, *, landed: dict[str, str] | None = None, failed: bool = False) -> None:
        """`landed`: the repository's documents afterwards."""
        read = await self.log.read(task_stream(task_id))
        oid = f"{task_id.encode().hex()[-6:]:0<40}"
        work = None
        if landed is not None:
            self.files.at[oid] = landed
            work = Work(branch="b", base_branch="main", base="0", head="1", checks=ChecksVerdict.GREEN)
        told: list[Any] = [TaskCompleted(task_id=task_id, run_id="run-1", work=work)]
        if failed:
            told = [TaskFailed(task_id=task_id, run_id="run-1", reason="It broke.")]
        if landed is not None:
            told.append(
                TaskLanded(task_id=task_id, run_id="run-1", head="1", branch="main", oid=oid, strategy="squash")
            )
        await self.log.append(ORIGIN, (task_stream(task_id), len(read), tuple(told)))

    async def requested(self) -> list[tuple[str, ...]]:
        return [one.of_tasks for one in await of_kind(self.log, DocumentationRequested)]

    async def newest(self) -> str:
        return (await of_kind(self.log, DocumentationRequested))[-1].task_id


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        made = Site(writer, clock, tmp_path)
        made.project = (await made.dispatcher.dispatch(ORIGIN, CreateProject(name="Shop"))).id
        yield made


async def in_a_repository(site: Site) -> None:
    command = CreateProject(name="Library", repo="/srv/library")
    site.project = (await site.dispatcher.dispatch(ORIGIN, command)).id


async def test_it_is_off_until_somebody_wants_it_and_counts_from_then(site: Site) -> None:
    await site.end(await site.task())
    await site.host.turn()
    assert await site.requested() == []
    await site.rule("each")
    await site.host.turn()
    assert await site.requested() == []
    done = await site.task("Number invoices", description="By year.")
    await site.end(done)
    await site.host.turn()
    assert await site.requested() == [(done,)]
    (card,) = [one for one in await of_kind(site.log, TaskSubmitted) if one.role == "documenter"]
    assert (card.title, card.task_type, card.project_id) == (
        "Document: Number invoices",
        "document-generation",
        site.project,
    )
    assert "> Number invoices\n>\n> By year." in card.description and "`README.md`" in card.description
    assert card.context == {"documentation": {"of_tasks": [done], "paths": []}}
    await site.end(card.task_id)
    await site.host.turn()
    assert len(await site.requested()) == 1, "documentation itself is not documented"


async def test_batched_there_is_one_open_card_and_the_next_names_what_was_finished_meanwhile(site: Site) -> None:
    await site.rule("batched", site.project)
    tasks = [await site.task(f"Build part {number}") for number in range(4)]
    await site.end(tasks[0])
    await site.host.turn()
    for task in tasks[1:3]:
        await site.end(task)
        await site.host.turn()
    assert await site.requested() == [(tasks[0],)]
    await site.end(await site.newest())
    await site.host.turn()
    assert await site.requested() == [(tasks[0],), (tasks[1], tasks[2])]
    await site.end(tasks[3])
    await site.end(await site.newest(), failed=True)
    await site.host.turn()
    assert (await site.requested())[2:] == [(tasks[3],)]
    await site.rule("off", site.project)
    await site.end(await site.newest())
    await site.end(await site.task("Build another part"))
    await site.host.turn()
    assert len(await site.requested()) == 3


async def test_a_project_may_say_otherwise_than_the_workspace(site: Site) -> None:
    await site.rule("each")
    await site.rule("off", site.project)
    await site.end(await site.task())
    await site.host.turn()
    assert await site.requested() == []
    await site.rule(None, site.project)
    done = await site.task()
    await site.end(done)
    await site.end(await site.task("Write the guide", role="documenter", task_type="document-generation"))
    await site.host.turn()
    assert await site.requested() == [(done,)]
    await site.dispatcher.dispatch(ORIGIN, ArchiveProject(), site.project)
    await site.host.turn()
    assert len(await site.requested()) == 1


async def test_in_a_repository_what_counts_is_that_it_has_landed_and_documents_follow(site: Site) -> None:
    await in_a_repository(site)
    await site.rule("batched")
    done = await site.task()
    await site.end(done, landed={})
    await site.host.turn()
    card = await site.newest()
    await site.end(card, landed={"README.md": "# Library\n\nLend books.\n", "docs/logo.png": "x"})
    await site.host.turn()
    (created,) = await of_kind(site.log, DocumentCreated)
    assert (created.kind, created.title, created.path, created.kind_reason) == (
        "readme",
        "Library",
        "README.md",
        "its path README.md",
    )
    assert (created.source.kind, created.source.task_id) == ("commit", card)
    assert len(await of_kind(site.log, DocumentPublished)) == 1
    # Whoever changes it: the document is what has landed.
    await site.end(await site.task("Say more"), landed={"README.md": "# Library\n\nLend and return books.\n"})
    await site.host.turn()
    await site.new_host().turn()
    (edited,) = await of_kind(site.log, DocumentEdited)
    assert edited.version == 2 and edited.text.text == "# Library\n\nLend and return books.\n"


async def test_a_repository_that_cannot_be_read_is_told_and_stands_in_nobodys_way(site: Site) -> None:
    await in_a_repository(site)
    await site.rule("each")
    await site.end(await site.task(), landed={})
    await site.host.turn()
    site.files.trouble = RepositoryError("The repository is gone.")
    await site.end(await site.newest(), landed={"README.md": "# Library"})
    await site.end(await site.task("Build more"), landed={})
    await site.host.turn()
    assert site.host.documenting.problems[f"files of {site.project}"] == "The repository is gone."
    assert len(await site.requested()) == 2
    site.files.trouble = UnavailableError("Not now.")
    await site.end(await site.newest(), landed={"README.md": "# Library"})
    await site.host.turn()
    assert await of_kind(site.log, DocumentCreated) == []
    site.files.trouble = None
    site.clock.now = site.host.documenting.next_due() or site.clock.now
    await site.host.turn()
    assert len(await of_kind(site.log, DocumentCreated)) == 1


async def _move(site: Site, task_id: str) -> None:
    with suppress(ConflictError):
        await site.dispatcher.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)


@pytest.mark.parametrize("rule", ["each", "batched"])
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_dies_a_finished_card_is_documented_once(site: Site, seed: int, rule: str) -> None:
    """Killed before, in and after their appends, and two at work at once now and then."""
    luck = random.Random(seed)
    await in_a_repository(site)
    await site.rule(rule)
    done: list[str] = []
    for number in range(8):
        task = await site.task(f"Build part {number}")
        await site.end(task, landed={"README.md": f"# Library\n\n{number} parts\n"})
        done.append(task)
        for _ in range(luck.randint(0, 3)):
            line = Line(site.writer)
            line.cut.extend(luck.choice(("", "before", "after")) for _ in range(luck.randint(0, 4)))
            line.dies_after = luck.randint(1, 4)
            both = [site.new_host(line), site.new_host()][: luck.randint(1, 2)]
            with suppress(TimeoutError, UnavailableError, ExceptionGroup):
                async with asyncio.timeout(0.2), asyncio.TaskGroup() as group:
                    for host in both:
                        group.create_task(host.turn())
        if luck.random() < 0.5 and await site.requested():
            card = await site.newest()
            if not any(isinstance(one.event, TaskLanded) for one in await site.log.read(task_stream(card))):
                await site.end(card, landed={"README.md": f"# Library\n\n{number} parts, documented\n"})
    await site.new_host().turn()
    while sum(map(len, await site.requested())) < len(done):
        await site.end(await site.newest(), landed={"README.md": "# Library\n\nAll parts\n"})
        await site.new_host().turn()
    assert Counter(one for of_tasks in await site.requested() for one in of_tasks) == Counter(done)
    cards = [one.task_id for one in await of_kind(site.log, TaskSubmitted) if one.role == "documenter"]
    asked = [one.task_id for one in await of_kind(site.log, DocumentationRequested)]
    assert sorted(cards) == sorted(asked) and len(set(cards)) == len(cards)
    versions = [one.version for one in await of_kind(site.log, DocumentEdited)]
    assert versions == list(range(2, len(versions) + 2)), "one history, without gaps"
