"""Following a demo until it is done: live frames fold into the progress, which is drawn a few times a second."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live

from events.ids import MergePolicy
from vapora.cli.demo import display as screen
from vapora.cli.demo.progress import DemoProgress
from vapora.cli.output import console, say
from vapora.errors import VaporaError
from vapora.views import BoardCard, Frame, Project

if TYPE_CHECKING:
    from vapora.sdk import Client

_TICK_S = 0.25
# The socket tells of every change; asking as well, now and then, means that even its total loss stops nothing.
_ASK_EVERY_S = 10.0
# A server that is gone for so long will not come back: it lives in this process.
_GONE_AFTER_S = 60.0


def watch(
    client: Client, project: Project, task_ids: Sequence[str], name: str, began: float, out: IO[str] | None
) -> DemoProgress:
    """Until everything is done, or nothing will move without a person. `out` None: only progress lines, to stderr."""
    rehearsal = client.health().model == "rehearsal"
    project_id, lands = project.id, project.merge_policy is MergePolicy.WHEN_APPROVED
    # Before the first look: what changes after it comes by the socket, which nothing can fall in front of.
    with _Frames(client, client.board(project_id).position) as frames:
        progress = DemoProgress(tuple(task_ids), changed_at=time.monotonic(), lands=lands)
        progress.agents = {agent.id: agent for agent in client.agents()}
        progress.look(client.tasks(project_id), time.monotonic())
        changes = _changes(client, project_id, progress, frames)
        terminal = None if out is None else console(out)
        if terminal is not None and terminal.is_terminal:
            _draw(terminal, progress, changes, name, began, rehearsal)
        else:
            _tell(out, changes, began, rehearsal)
    return progress


def _draw(
    terminal: Console,
    progress: DemoProgress,
    changes: Iterator[list[BoardCard]],
    name: str,
    began: float,
    rehearsal: bool,
) -> None:
    # What others print meanwhile, rich puts above the picture.
    with Live(console=terminal, auto_refresh=False) as live:
        for _ in changes:
            picture = screen.draw(progress, name, time.monotonic() - began, rehearsal, min(terminal.width, 130))
            live.update(picture, refresh=True)


def _tell(out: IO[str] | None, changes: Iterator[list[BoardCard]], began: float, rehearsal: bool) -> None:
    if rehearsal:
        _line(out, "REHEARSAL: no real model answers, all money is simulated")
    for changed in changes:
        for card in changed:
            if told := screen.line(card, time.monotonic() - began):
                _line(out, told)


def _changes(client: Client, project_id: str, progress: DemoProgress, frames: _Frames) -> Iterator[list[BoardCard]]:
    """What changed in each tick, empty ones too, until there is nothing to wait for any more."""
    heard = time.monotonic()
    yield list(progress.tasks.values())
    while progress.verdict(time.monotonic()) == "working":
        changed = [card for frame in frames.take(_TICK_S) for card in progress.apply(frame, time.monotonic())]
        if time.monotonic() - heard > _ASK_EVERY_S:
            try:
                changed += progress.look(client.tasks(project_id), time.monotonic())
                heard = time.monotonic()
            except VaporaError:
                if time.monotonic() - heard > _GONE_AFTER_S:
                    raise
        yield changed


class _Frames:
    """Live frames, received in a thread of their own so that the picture keeps moving between them."""

    def __init__(self, client: Client, after: int) -> None:
        self._live = client.live(after)
        self._arrived: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._receive, name="live", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.close()
        self._thread.join(timeout=5)

    def take(self, seconds: float) -> list[Frame]:
        """What arrives within this time: a burst of frames costs one picture."""
        taken: list[Frame] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                taken.append(self._arrived.get(timeout=left))
            except queue.Empty:
                break
        return taken

    def _receive(self) -> None:
        try:
            for frame in self._live:
                self._arrived.put(frame)
        except VaporaError as error:
            say(f"No live frames any more ({error}); asking every {_ASK_EVERY_S:g} s instead.")


def _line(out: IO[str] | None, text: str) -> None:
    if out is None:
        say(text)
    else:
        console(out, soft_wrap=True).print(text)
