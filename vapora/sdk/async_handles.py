"""Projects and tasks, named once and then asked. `python -m tests.sdk.make` makes the synchronous ones from these."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Unpack

from events.ids import TaskState
from vapora import commands, views
from vapora.errors import NotFoundError
from vapora.sdk.async_backlog import AsyncBacklog
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Moment, Position
from vapora.sdk.problems import ApiError
from vapora.sdk.progress import TaskProgress, goes_on
from vapora.sdk.shapes import Board, Changes, Costs, Dashboard, Why
from vapora.sdk.waiting import BACKOFF, SETTLED, State, TaskDetails, about, named, settled, still, without_work

if TYPE_CHECKING:
    from vapora.sdk.async_client import AsyncClient


class AsyncProjects:
    """Called, it lists the projects; indexed by name or id, it gives one. Nothing is asked before it is used."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def __call__(self, after: Position = None, archived: bool = False) -> Rows[views.Project]:
        return await self._client.list_projects(archived, after)

    def __getitem__(self, name_or_id: str) -> AsyncProject:
        return AsyncProject(self._client, name_or_id)

    async def create(self, name: str, key: str | None = None, **details: Any) -> AsyncProject:
        """`details`: the fields of `commands.CreateProject` beside the name, such as `repo`."""
        body = commands.CreateProject.model_validate({"name": name, **details})
        return AsyncProject(self._client, (await self._client.create_project(body, key)).id)

    async def find(self, name_or_id: str, after: Position = None) -> views.Project:
        """See `AsyncClient.project`."""
        found = named(name_or_id, await self._client.list_projects(after=after))
        return found or await self._client.get_project(name_or_id)


class AsyncProject:
    """One project, found by name or id when it is first needed."""

    def __init__(self, client: AsyncClient, name_or_id: str) -> None:
        self._client = client
        self._name = name_or_id
        self._found: views.Project | None = None

    def __repr__(self) -> str:
        return f"<project {self._name!r} at {self._client.url}>"

    async def id(self) -> str:
        if self._found is None:
            self._found = await self._client.projects.find(self._name)
        return self._found.id

    async def show(self) -> views.Project:
        return await self._client.get_project(await self.id())

    async def board(self, at: Moment = None) -> Board:
        return await self._client.board(await self.id(), at)

    async def dashboard(self, days: int = 30) -> Dashboard:
        """How its work flows, over the last days up to today (UTC)."""
        return await self._client.dashboard(await self.id(), days)

    async def costs(self, group_by: Sequence[str] = ("provider",)) -> Costs:
        return await self._client.costs(group_by, await self.id())

    def backlog(self, tasks: Sequence[str | Mapping[str, Any]], key: str | None = None) -> AsyncBacklog:
        """Tasks to be handed in together, and waited for: titles, or the fields of `commands.SubmitTask` beside the
        project. `key`: a text of your own, under which the same backlog is handed in once."""
        return AsyncBacklog(self._client, self, tasks, key)

    async def edit(self, change: commands.EditProject) -> views.Project:
        return await self._client.edit_project(await self.id(), change)

    async def archive(self) -> int:
        return await self._client.archive_project(await self.id())

    async def repository(self) -> views.RepositoryView:
        return await self._client.repository(await self.id())

    async def pause(self, reason: str = "") -> views.Accepted:
        return await self._client.pause_project(await self.id(), reason)

    async def resume(self) -> views.Accepted:
        return await self._client.resume_project(await self.id())

    @property
    def tasks(self) -> AsyncTasks:
        return AsyncTasks(self._client, self)


class AsyncTasks:
    """Called, it lists tasks, newest first; indexed by id, it gives one; `submit` hands one in."""

    def __init__(self, client: AsyncClient, project: AsyncProject | None = None) -> None:
        self._client = client
        self._project = project

    def __call__(
        self,
        project_id: str | None = None,
        state: State | None = None,
        role: str | None = None,
        after: Position = None,
        limit: int | None = None,
        label: str | None = None,
        sort: str | None = None,
    ) -> AsyncPages[views.BoardCard]:
        return AsyncPages(self._cards(project_id, state, role, after, limit, label, sort))

    async def _cards(self, project_id: str | None, *filters: Any) -> AsyncIterator[views.BoardCard]:
        if project_id is None and self._project is not None:
            project_id = await self._project.id()
        async for card in self._client.list_tasks(project_id, *filters):
            yield card

    def __getitem__(self, task_id: str) -> AsyncTask:
        return AsyncTask(self._client, task_id)

    async def submit(
        self, title: str, *, project: str | None = None, key: str | None = None, **details: Unpack[TaskDetails]
    ) -> AsyncTask:
        """`project`: its name or id; needed where these are not one project's tasks already. `details`: the fields of
        `commands.SubmitTask`."""
        own = self._project if project is None else self._client.projects[project]
        if own is None:
            raise TypeError("submit needs a project: its name or id")
        body = commands.SubmitTask(project_id=await own.id(), title=title, **details)
        accepted = await self._client.submit_task(body, key)
        return AsyncTask(self._client, accepted.task_id, accepted.position)


class AsyncTask:
    """One task. `after`: a position that every answer about it includes."""

    def __init__(self, client: AsyncClient, task_id: str, after: Position = None) -> None:
        self._client = client
        self.id = task_id
        self.after = after

    def __repr__(self) -> str:
        return f"<task {self.id!r} at {self._client.url}>"

    @property
    async def state(self) -> TaskState:
        """As it is now: each look asks the server."""
        return (await self.card()).state

    async def card(self) -> views.TaskCard:
        return await self._client.task(self.id, self.after)

    async def runs(self) -> Rows[views.Execution]:
        return await self._client.runs(self.id, self.after)

    async def why(self) -> Why:
        return await self._client.why(self.id, self.after)

    async def edit(self, change: commands.EditTask) -> int:
        self.after = await self._client.edit_task(self.id, change)
        return self.after

    async def move(self, state: State, before: str | None = None, comment: str = "") -> int:
        self.after = await self._client.move(self.id, state, before, comment)
        return self.after

    async def wait(
        self,
        timeout: float | None = None,
        until: Collection[TaskState] = SETTLED,
        after: Position = None,
        progress: bool | Callable[[views.TaskCard], None] = False,
    ) -> views.TaskCard:
        """See `AsyncClient.wait`. Asks once a second at most: the cheapest question that there is about a task."""
        end = None if timeout is None else monotonic() + timeout
        pauses, after = iter(BACKOFF), after or self.after
        with TaskProgress.of(progress) as shown, goes_on(f"The task '{self.id}'"):
            while True:
                try:
                    card = await self._client.task(self.id, after)
                except ApiError as error:
                    # The read models are behind `after`; the server has waited for them already.
                    if error.status != 504 or (end is not None and monotonic() >= end):
                        raise
                    continue
                shown(card)
                if settled(card, until):
                    return card
                pause = next(pauses)
                left = pause if end is None else end - monotonic()
                if left <= 0:
                    raise still(card, timeout or 0)
                await sleep(min(pause, left))

    async def follow(self) -> AsyncIterator[views.Change]:
        """Its changes as they happen: of the card, its runs, their steps, comments; from how it stands now, without
        end. Leave the loop when you have seen enough."""
        card = await self.card()
        async for change in self._client.follow(after=card.position - 1):
            if about(change) == self.id:
                yield change

    async def cancel(self, reason: str = "") -> views.Accepted | None:
        """End the run that is under way; None where none is. What it has done and paid stays in the log."""
        for run in reversed(await self.runs()):
            if run.ended_at is None:
                ended = await self._client.cancel_run(run.run_id, reason)
                self.after = ended.position
                return ended
        return None

    async def changes(self, run_id: str | None = None, attempt: int | None = None) -> Changes:
        """What stands on its branch."""
        return await self._client.changes(self.id, run_id, attempt, self.after)

    def steps(self, run_id: str | None = None) -> AsyncPages[views.Step]:
        """What its newest run did and is doing, in order; or what `run_id` did."""
        return AsyncPages(self._steps(run_id))

    async def _steps(self, run_id: str | None) -> AsyncIterator[views.Step]:
        wanted = run_id
        if wanted is None:
            runs = await self.runs()
            if not runs:
                raise without_work(self.id, runs)
            wanted = runs[-1].run_id
        async for step in self._client.steps(wanted, self.after):
            yield step

    def comments(self) -> AsyncPages[views.Comment]:
        return self._client.comments(self.id, self.after)

    async def comment(self, comment: commands.CommentTask | str, answers: str | None = None) -> views.CommentMade:
        """A text, or a comment on a line. `answers`: the `call_id` of the question that the text answers."""
        said = await self._client.comment(self.id, comment, answers)
        self.after = said.position
        return said

    async def attach(self, file: Path | str | bytes, name: str | None = None) -> views.AttachmentMade:
        """Put a file on the card: a path, or its bytes with a `name`."""
        made = await self._client.attach(self.id, file, name)
        self.after = made.position
        return made

    async def attachments(self) -> Rows[views.Attachment]:
        return await self._client.attachments(self.id, self.after)

    async def attachment(self, name: str) -> bytes:
        """The file as it came."""
        return await self._client.attachment(self.id, name, self.after)

    async def detach(self, name: str) -> int:
        self.after = await self._client.detach(self.id, name)
        return self.after

    async def approve(self, head: str | None = None, comment: str = "") -> int:
        """The commit `head`; None: the one that its card shows now."""
        approved = await self._client.approve(self.id, head or await self._head(), comment)
        self.after = approved.position
        return approved.position

    async def request_changes(
        self, comment: str, comments: Sequence[commands.CommentOnLine] = (), head: str | None = None
    ) -> int:
        sent = await self._client.request_changes(self.id, head or await self._head(), comment, comments)
        self.after = sent.position
        return sent.position

    async def merge(
        self, strategy: Literal["squash", "merge", "rebase"] = "squash", message: str = "", force: bool = False
    ) -> views.Merged:
        """See `AsyncClient.merge`."""
        merged = await self._client.merge(self.id, strategy, message, force)
        self.after = merged.position
        return merged

    async def push(self) -> views.Pushed:
        pushed = await self._client.push(self.id)
        self.after = pushed.position
        return pushed

    async def resolve(self, comment: str = "") -> int:
        sent = await self._client.resolve(self.id, comment)
        self.after = sent.position
        return sent.position

    async def attempts(self) -> Rows[views.Attempt]:
        return await self._client.attempts(self.id, self.after)

    async def attempt(self, agent: str | None = None, model: str | None = None, from_step: int | None = None) -> int:
        """Have it tried again, on a branch of its own."""
        started = await self._client.start_attempt(self.id, agent, model, from_step)
        self.after = started.position
        return started.position

    async def pick(self, number: int) -> int:
        """The work of that attempt becomes the card's."""
        picked = await self._client.pick_attempt(self.id, number)
        self.after = picked.position
        return picked.position

    async def _head(self) -> str:
        head = (await self.card()).head
        if head is None:
            raise NotFoundError(f"The task '{self.id}' has no branch.", remedy="Move it on the board instead.")
        return head

    async def output(self, run_id: str | None = None) -> views.Artifact:
        """See `AsyncClient.output`."""
        runs = await self.runs()
        wanted = [run for run in runs if run_id in (None, run.run_id)]
        for run in reversed(wanted):
            for made in await self._client.artifacts(run.run_id):
                if made.text is not None:
                    return made
                return made.model_copy(update={"text": await self._client.artifact(run.run_id, made.name)})
        if not wanted and run_id is not None:
            raise NotFoundError(f"The task '{self.id}' has no run '{run_id}'.", remedy="Its card names its runs.")
        raise without_work(self.id, wanted)
