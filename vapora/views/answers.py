"""What answers are made of: lists, what a write tells, ids, and how far the read models are."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from vapora.views.base import View

Item = TypeVar("Item")


class Page(View, Generic[Item]):
    """A list: `next` is the cursor of the page that follows, null on the last."""

    items: tuple[Item, ...]
    next: str | None = None


class Accepted(View):
    """What a write answers: the thing's id and the log position that holds it."""

    id: str
    position: int


class OperatorToken(View):
    """What lets requests say which commands are run: to be sent as `Authorization: Bearer`."""

    token: str


class TaskAccepted(View):
    task_id: str
    position: int


class Progress(View):
    """`position`: how far the read models have come; `head`: the last position of the log."""

    position: int
    head: int


class Status(Progress):
    """`failed`: what stopped a projection, by its name; `rebuilding`: those that are rebuilt while their old rows are
    served, and how far each has come; `clock`: what is wrong with the clock that events are recorded by, empty where
    nothing is."""

    failed: dict[str, str]
    rebuilding: dict[str, int]
    clock: str = ""


IdKind = Literal["task", "project", "run", "agent"]


class Named(View):
    """What an id stands for. `name`: a task's title, a project's or agent's name, a run's task."""

    kind: IdKind
    id: str
    name: str
