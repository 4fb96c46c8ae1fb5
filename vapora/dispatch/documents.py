"""Documents, decided on the log; and the cards that the documenter is asked by, each in one append with its request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from events.base import DomainEvent
from events.ids import StreamName, document_stream, documentation_stream, project_stream, task_stream
from vapora.commands import SubmitTask
from vapora.commands.documents import (
    DocumentationCommand,
    DocumentCommand,
    DraftDocument,
    DraftDrawn,
    MergeInto,
    RequestDocumentation,
    SetDocumentation,
)
from vapora.dispatch.folds import DOCUMENT, DOCUMENTATION, PROJECT, TASK
from vapora.domain import document as rules
from vapora.domain import documentation
from vapora.domain import project as projects
from vapora.domain.document import Document
from vapora.domain.documentation import Documentation, Request
from vapora.domain.task_state import Task
from vapora.log.client import Change, LogClient
from vapora.log.folds import LoadedFold, StreamFolds
from vapora.objects import Where

# The first events of a task, and the versions that they were decided on.
Submission = Callable[[SubmitTask, str], Awaitable[tuple[tuple[DomainEvent, ...], dict[StreamName, int]]]]


@dataclass(frozen=True, slots=True)
class Decided:
    """`changes`: the first is of the stream that was asked about. `position`: of its last event before."""

    id: str
    changes: tuple[Change, ...]
    position: int
    expected: Mapping[StreamName, int] = field(default_factory=dict)


class Documents:
    """Of one workspace's log."""

    def __init__(self, log: LogClient, submission: Submission, snapshots: Where | None = None) -> None:
        self._submission = submission
        self.folds: StreamFolds[Document] = StreamFolds(log, DOCUMENT, snapshots)
        self.documentation: StreamFolds[Documentation] = StreamFolds(log, DOCUMENTATION, snapshots)
        self._projects = StreamFolds(log, PROJECT, snapshots)
        self._tasks = StreamFolds(log, TASK, snapshots)

    async def settled(self) -> None:
        for folds in (self.folds, self.documentation, self._projects, self._tasks):
            await folds.settled()

    async def decide(self, command: DocumentCommand | DocumentationCommand, document_id: str) -> Decided:
        """`document_id`: of a `RequestDocumentation`, the project's. Raises what the rules do."""
        if isinstance(command, SetDocumentation):
            return await self._set_rule(command)
        if isinstance(command, RequestDocumentation):
            return await self._request(command, document_id)
        if isinstance(command, DraftDrawn):
            return await self._draw(command, document_id)
        stream = document_stream(document_id)
        found = await self.folds.load(stream)
        if isinstance(command, MergeInto):
            into = await self.folds.load(document_stream(command.into))
            own, other = rules.merge(found.state, into.state, command, document_id)
            changes: tuple[Change, ...] = ((stream, found.version, own),)
            if other:
                changes += ((document_stream(command.into), into.version, other),)
            expected = {} if other else {document_stream(command.into): into.version}
            return Decided(document_id, changes, found.position, expected)
        expected = {}
        if isinstance(command, DraftDocument) and command.project_id is not None:
            project = await self._projects.load(project_stream(command.project_id))
            projects.require_open(project.state, command.project_id)
            expected[project_stream(command.project_id)] = project.version
        events = rules.decide(found.state, command, document_id)
        return Decided(document_id, ((stream, found.version, events),), found.position, expected)

    async def _draw(self, command: DraftDrawn, id_: str) -> Decided:
        changes: list[Change] = []
        position = 0
        for one in command.drawn:
            found = await self.folds.load(document_stream(one.document_id))
            position = max(position, found.position)
            if events := rules.draw(found.state, one):
                changes.append((document_stream(one.document_id), found.version, events))
        nothing: tuple[Change, ...] = ((document_stream(id_), 0, ()),)
        return Decided(id_, tuple(changes) or nothing, position)

    async def _set_rule(self, command: SetDocumentation) -> Decided:
        if command.project_id is not None:
            project = await self._projects.load(project_stream(command.project_id))
            projects.require(project.state, command.project_id)
        stream = documentation_stream(command.project_id)
        found = await self.documentation.load(stream)
        events = documentation.set_rule(found.state, command)
        return Decided(command.project_id or "", ((stream, found.version, events),), found.position)

    async def _request(self, command: RequestDocumentation, project_id: str) -> Decided:
        """Nothing where all of them are asked for already, or where a card for it is open."""
        stream, of_workspace, of_project = (
            documentation_stream(project_id),
            documentation_stream(None),
            project_stream(project_id),
        )
        found, workspace, project = await asyncio.gather(
            self.documentation.load(stream), self.documentation.load(of_workspace), self._projects.load(of_project)
        )
        expected = {of_workspace: workspace.version, of_project: project.version}
        own = projects.require(project.state, project_id)
        rule = documentation.in_effect(found.state, workspace.state)
        tasks = [await self._tasks.load(task_stream(one)) for one in command.of_tasks]
        open_card = await self._open_card(found) if rule == "batched" else None
        due = documentation.requests(
            found.state, rule, [one.state for one in tasks if one.state is not None], own, open_card is not None
        )
        events = tuple(documentation.requested(one, own) for one in due)
        cards: list[Change] = []
        for one in due:
            card, decided_on = await self._card(one, project_id, command)
            cards.append((task_stream(one.task_id), 0, card))
            expected |= decided_on
        return Decided(project_id, ((stream, found.version, events), *cards), found.position, expected)

    async def _open_card(self, found: LoadedFold[Documentation | None]) -> Task | None:
        newest = found.state.newest if found.state is not None else None
        if newest is None:
            return None
        task = (await self._tasks.load(task_stream(newest))).state
        return None if task is None or task.is_over or task.state.value == "failed" else task

    async def _card(
        self, request: Request, project_id: str, command: RequestDocumentation
    ) -> tuple[tuple[DomainEvent, ...], dict[StreamName, int]]:
        told = {"of_tasks": [one.id for one in request.of_tasks], "paths": list(command.paths)}
        submit = SubmitTask(
            project_id=project_id,
            title=documentation.title(request.of_tasks),
            description=documentation.brief(request.of_tasks, command.paths),
            role=documentation.ROLE,
            task_type=documentation.TASK_TYPE,
            context={"documentation": told},
        )
        return await self._submission(submit, request.task_id)
