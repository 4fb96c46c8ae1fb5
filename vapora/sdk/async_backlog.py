"""Many tasks, handed in together and waited for. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.progress import BacklogProgress, goes_on
from vapora.sdk.waiting import BACKOFF, SETTLED, WaitTimeoutError, settled

if TYPE_CHECKING:
    from vapora.sdk.async_client import AsyncClient
    from vapora.sdk.async_handles import AsyncProject, AsyncTask


class AsyncBacklog:
    """Tasks of one project. `run()` hands them in and waits; after an interruption it goes on where it was."""

    def __init__(
        self,
        client: AsyncClient,
        project: AsyncProject,
        tasks: Sequence[str | Mapping[str, Any]],
        key: str | None = None,
    ) -> None:
        self._client = client
        self._project = project
        self._bodies = [{"title": one} if isinstance(one, str) else dict(one) for one in tasks]
        # Handed in twice under the same key, a task is one task.
        self._key = key or uuid4().hex
        self._after = 0
        self.tasks: list[AsyncTask] = []

    def __repr__(self) -> str:
        return f"<backlog of {len(self._bodies)} tasks, {len(self.tasks)} handed in>"

    def __len__(self) -> int:
        return len(self._bodies)

    async def submit(self) -> list[AsyncTask]:
        """Hand in what was not handed in yet. `blocked_by` may name a task before it by its number, from 0."""
        project_id = await self._project.id()
        for number in range(len(self.tasks), len(self._bodies)):
            body = commands.SubmitTask.model_validate({"project_id": project_id, **self._named(self._bodies[number])})
            made = await self._client.submit_task(body, f"{self._key}-{number}")
            self._after = max(self._after, made.position)
            task = self._client.tasks[made.task_id]
            task.after = made.position
            self.tasks.append(task)
        return self.tasks

    async def run(
        self, timeout: float | None = None, progress: bool | Callable[[Sequence[views.BoardCard]], None] = False
    ) -> Rows[views.BoardCard]:
        """The cards in their order, once each is done, failed, archived or waits for a person's review.

        `progress`: show a bar; or what is called with all cards each time they were looked at. Raises
        `WaitTimeoutError` after `timeout` seconds; None: never. Ctrl-C ends the waiting: the tasks go on, and `run`
        again waits for the same ones.
        """
        end = None if timeout is None else monotonic() + timeout
        pauses = iter(BACKOFF)
        with BacklogProgress.of(progress) as shown, goes_on("The backlog"):
            await self.submit()
            while True:
                cards = await self.cards()
                shown(cards)
                if all(settled(card, SETTLED) for card in cards):
                    return cards
                pause = next(pauses)
                left = pause if end is None else end - monotonic()
                if left <= 0:
                    raise _still(cards, timeout or 0)
                await sleep(min(pause, left))

    async def cards(self) -> Rows[views.BoardCard]:
        """As they stand now, in the order of the backlog: of one board, and those that it has no room for."""
        board = await self._client.board(await self._project.id(), after=self._after or None)
        there = {card.id: card for column in board.columns.values() for card in column}
        return Rows([there.get(task.id) or await task.card() for task in self.tasks])

    def _named(self, body: dict[str, Any]) -> dict[str, Any]:
        blockers = body.get("blocked_by") or ()
        named = tuple(self.tasks[one].id if isinstance(one, int) else one for one in blockers)
        return {**body, "blocked_by": named} if blockers else body


def _still(cards: Sequence[views.BoardCard], seconds: float) -> WaitTimeoutError:
    open_ones = [card for card in cards if not settled(card, SETTLED)]
    first = open_ones[0]
    waits = f" waits for {first.waiting.reason.value}" if first.waiting else f" is {first.state.value}"
    remedy = first.waiting.remedy if first.waiting else "Wait longer: run() again waits for the same tasks."
    return WaitTimeoutError(
        f"{len(open_ones)} of {len(cards)} tasks are not settled after {seconds:g} s; '{first.id}'{waits}.",
        remedy=remedy,
        cards=tuple(cards),
    )
