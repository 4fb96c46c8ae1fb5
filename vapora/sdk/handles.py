"""Made from async_handles.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Literal, Unpack

from events.ids import TaskState
from vapora import commands, views
from vapora.errors import NotFoundError
from vapora.sdk.backlog import Backlog
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Moment, Position
from vapora.sdk.problems import ApiError
from vapora.sdk.progress import TaskProgress, goes_on
from vapora.sdk.shapes import Board, Changes, Costs, Dashboard, Why
from vapora.sdk.waiting import BACKOFF, SETTLED, State, TaskDetails, about, named, settled, still, without_work

if TYPE_CHECKING:
    from vapora.sdk.client import Client


class Projects:
    """Called, it lists the projects; indexed by name or id, it gives one. Nothing is asked before it is used."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, after: Position = None, archived: bool = False) -> Rows[views.Project]:
        return self._client.list_projects(archived, after)

    def __getitem__(self, name_or_id: str) -> Project:
        return Project(self._client, name_or_id)

    def create(self, name: str, key: str | None = None, **details: Any) -> Project:
        """`details`: the fields of `commands.CreateProject` beside the name, such as `repo`."""
        body = commands.CreateProject.model_validate({"name": name, **details})
        return Project(self._client, (self._client.create_project(body, key)).id)

    def find(self, name_or_id: str, after: Position = None) -> views.Project:
        """See `Client.project`."""
        found = named(name_or_id, self._client.list_projects(after=after))
        return found or self._client.get_project(name_or_id)


class Project:
    """One project, found by name or id when it is first needed."""

    def __init__(self, client: Client, name_or_id: str) -> None:
        self._client = client
        self._name = name_or_id
        self._found: views.Project | None = None

    def __repr__(self) -> str:
        return f"<project {self._name!r} at {self._client.url}>"

    def id(self) -> str:
        if self._found is None:
            self._found = self._client.projects.find(self._name)
        return self._found.id

    def show(self) -> views.Project:
        return self._client.get_project(self.id())

    def board(self, at: Moment = None) -> Board:
        return self._client.board(self.id(), at)

    def dashboard(self, days: int = 30) -> Dashboard:
        """How its work flows, over the last days up to today (UTC)."""
        return self._client.dashboard(self.id(), days)

    def costs(self, group_by: Sequence[str] = ("provider",)) -> Costs:
        return self._client.costs(group_by, self.id())

    def backlog(self, tasks: Sequence[str | Mapping[str, Any]], key: str | None = None) -> Backlog:
        """Tasks to be handed in together, and waited for: titles, or the fields of `commands.SubmitTask` beside the
        project. `key`: a text of your own, under which the same backlog is handed in once."""
        return Backlog(self._client, self, tasks, key)

    def edit(self, change: commands.EditProject) -> views.Project:
        return self._client.edit_project(self.id(), change)

    def archive(self) -> int:
        return self._client.archive_project(self.id())

    def repository(self) -> views.RepositoryView:
        return self._client.repository(self.id())

    def pause(self, reason: str = "") -> views.Accepted:
        return self._client.pause_project(self.id(), reason)

    def resume(self) -> views.Accepted:
        return self._client.resume_project(self.id())

    @property
    def tasks(self) -> Tasks:
        return Tasks(self._client, self)


class Tasks:
    """Called, it lists tasks, newest first; indexed by id, it gives one; `submit` hands one in."""

    def __init__(self, client: Client, project: Project | None = None) -> None:
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
    ) -> Pages[views.BoardCard]:
        return Pages(self._cards(project_id, state, role, after, limit, label, sort))

    def _cards(self, project_id: str | None, *filters: Any) -> Iterator[views.BoardCard]:
        if project_id is None and self._project is not None:
            project_id = self._project.id()
        yield from self._client.list_tasks(project_id, *filters)

    def __getitem__(self, task_id: str) -> Task:
        return Task(self._client, task_id)

    def submit(
        self, title: str, *, project: str | None = None, key: str | None = None, **details: Unpack[TaskDetails]
    ) -> Task:
        """`project`: its name or id; needed where these are not one project's tasks already. `details`: the fields of
        `commands.SubmitTask`."""
        own = self._project if project is None else self._client.projects[project]
        if own is None:
            raise TypeError("submit needs a project: its name or id")
        body = commands.SubmitTask(project_id=own.id(), title=title, **details)
        accepted = self._client.submit_task(body, key)
        return Task(self._client, accepted.task_id, accepted.position)


class Task:
    """One task. `after`: a position that every answer about it includes."""

    def __init__(self, client: Client, task_id: str, after: Position = None) -> None:
        self._client = client
        self.id = task_id
        self.after = after

    def __repr__(self) -> str:
        return f"<task {self.id!r} at {self._client.url}>"

    @property
    def state(self) -> TaskState:
        """As it is now: each look asks the server."""
        return (self.card()).state

    def card(self) -> views.TaskCard:
        return self._client.task(self.id, self.after)

    def runs(self) -> Rows[views.Execution]:
        return self._client.runs(self.id, self.after)

    def why(self) -> Why:
        return self._client.why(self.id, self.after)

    def edit(self, change: commands.EditTask) -> int:
        self.after = self._client.edit_task(self.id, change)
        return self.after

    def move(self, state: State, before: str | None = None, comment: str = "") -> int:
        self.after = self._client.move(self.id, state, before, comment)
        return self.after

    def wait(
        self,
        timeout: float | None = None,
        until: Collection[TaskState] = SETTLED,
        after: Position = None,
        progress: bool | Callable[[views.TaskCard], None] = False,
    ) -> views.TaskCard:
        """See `Client.wait`. Asks once a second at most: the cheapest question that there is about a task."""
        end = None if timeout is None else monotonic() + timeout
        pauses, after = iter(BACKOFF), after or self.after
        with TaskProgress.of(progress) as shown, goes_on(f"The task '{self.id}'"):
            while True:
                try:
                    card = self._client.task(self.id, after)
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
                sleep(min(pause, left))

    def follow(self) -> Iterator[views.Change]:
        """Its changes as they happen: of the card, its runs, their steps, comments; from how it stands now, without
        end. Leave the loop when you have seen enough."""
        card = self.card()
        for change in self._client.follow(after=card.position - 1):
            if about(change) == self.id:
                yield change

    def cancel(self, reason: str = "") -> views.Accepted | None:
        """End the run that is under way; None where none is. What it has done and paid stays in the log."""
        for run in reversed(self.runs()):
            if run.ended_at is None:
                ended = self._client.cancel_run(run.run_id, reason)
                self.after = ended.position
                return ended
        return None

    def changes(self, run_id: str | None = None, attempt: int | None = None) -> Changes:
        """What stands on its branch."""
        return self._client.changes(self.id, run_id, attempt, self.after)

    def steps(self, run_id: str | None = None) -> Pages[views.Step]:
        """What its newest run did and is doing, in order; or what `run_id` did."""
        return Pages(self._steps(run_id))

    def _steps(self, run_id: str | None) -> Iterator[views.Step]:
        wanted = run_id
        if wanted is None:
            runs = self.runs()
            if not runs:
                raise without_work(self.id, runs)
            wanted = runs[-1].run_id
        yield from self._client.steps(wanted, self.after)

    def comments(self) -> Pages[views.Comment]:
        return self._client.comments(self.id, self.after)

    def comment(self, comment: commands.CommentTask | str, answers: str | None = None) -> views.CommentMade:
        """A text, or a comment on a line. `answers`: the `call_id` of the question that the text answers."""
        said = self._client.comment(self.id, comment, answers)
        self.after = said.position
        return said

    def attach(self, file: Path | str | bytes, name: str | None = None) -> views.AttachmentMade:
        """Put a file on the card: a path, or its bytes with a `name`."""
        made = self._client.attach(self.id, file, name)
        self.after = made.position
        return made

    def attachments(self) -> Rows[views.Attachment]:
        return self._client.attachments(self.id, self.after)

    def attachment(self, name: str) -> bytes:
        """The file as it came."""
        return self._client.attachment(self.id, name, self.after)

    def detach(self, name: str) -> int:
        self.after = self._client.detach(self.id, name)
        return self.after

    def approve(self, head: str | None = None, comment: str = "") -> int:
        """The commit `head`; None: the one that its card shows now."""
        approved = self._client.approve(self.id, head or self._head(), comment)
        self.after = approved.position
        return approved.position

    def request_changes(
        self, comment: str, comments: Sequence[commands.CommentOnLine] = (), head: str | None = None
    ) -> int:
        sent = self._client.request_changes(self.id, head or self._head(), comment, comments)
        self.after = sent.position
        return sent.position

    def merge(
        self, strategy: Literal["squash", "merge", "rebase"] = "squash", message: str = "", force: bool = False
    ) -> views.Merged:
        """See `Client.merge`."""
        merged = self._client.merge(self.id, strategy, message, force)
        self.after = merged.position
        return merged

    def push(self) -> views.Pushed:
        pushed = self._client.push(self.id)
        self.after = pushed.position
        return pushed

    def resolve(self, comment: str = "") -> int:
        sent = self._client.resolve(self.id, comment)
        self.after = sent.position
        return sent.position

    def attempts(self) -> Rows[views.Attempt]:
        return self._client.attempts(self.id, self.after)

    def attempt(self, agent: str | None = None, model: str | None = None, from_step: int | None = None) -> int:
        """Have it tried again, on a branch of its own."""
        started = self._client.start_attempt(self.id, agent, model, from_step)
        self.after = started.position
        return started.position

    def pick(self, number: int) -> int:
        """The work of that attempt becomes the card's."""
        picked = self._client.pick_attempt(self.id, number)
        self.after = picked.position
        return picked.position

    def _head(self) -> str:
        head = (self.card()).head
        if head is None:
            raise NotFoundError(f"The task '{self.id}' has no branch.", remedy="Move it on the board instead.")
        return head

    def output(self, run_id: str | None = None) -> views.Artifact:
        """See `Client.output`."""
        runs = self.runs()
        wanted = [run for run in runs if run_id in (None, run.run_id)]
        for run in reversed(wanted):
            for made in self._client.artifacts(run.run_id):
                if made.text is not None:
                    return made
                return made.model_copy(update={"text": self._client.artifact(run.run_id, made.name)})
        if not wanted and run_id is not None:
            raise NotFoundError(f"The task '{self.id}' has no run '{run_id}'.", remedy="Its card names its runs.")
        raise without_work(self.id, wanted)
