"""What is shown while something is waited for: a bar in a notebook, in a terminal, or lines where there is neither."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic
from typing import Any, Protocol, Self

from events.ids import TaskState
from vapora.sdk.show.html import Html, bar, el
from vapora.sdk.show.words import column, money
from vapora.unicode import printable
from vapora.views import BoardCard, TaskCard

# How far a card has come, of three.
_FAR = {TaskState.TODO: 0, TaskState.IN_PROGRESS: 1, TaskState.REVIEW: 2}
_WHOLE = 3


class Bar(Protocol):
    """`done` of `total`, and a line that says what goes on."""

    def show(self, done: int, total: int, line: str) -> None: ...
    def close(self) -> None: ...


class _Progress:
    """Whatever is shown is taken away, or left as it was last, when the waiting ends, however it ends."""

    def __init__(self, bar: Bar | None) -> None:
        self._bar = bar
        self._began = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, done: int, total: int, line: str) -> None:
        if self._bar is not None:
            self._bar.show(done, total, f"{line} · {monotonic() - self._began:.0f} s")


class TaskProgress(_Progress):
    def __init__(self, bar: Bar | None, tell: Callable[[TaskCard], None] | None) -> None:
        super().__init__(bar)
        self._tell = tell

    @classmethod
    def of(cls, progress: bool | Callable[[TaskCard], None]) -> TaskProgress:
        return cls(chosen(), None) if progress is True else cls(None, progress or None)

    def __call__(self, card: TaskCard) -> None:
        if self._tell is not None:
            self._tell(card)
        self._show(_FAR.get(card.state, _WHOLE), _WHOLE, task_line(card))


class BacklogProgress(_Progress):
    def __init__(self, bar: Bar | None, tell: Callable[[Sequence[BoardCard]], None] | None) -> None:
        super().__init__(bar)
        self._tell = tell

    @classmethod
    def of(cls, progress: bool | Callable[[Sequence[BoardCard]], None]) -> BacklogProgress:
        return cls(chosen(), None) if progress is True else cls(None, progress or None)

    def __call__(self, cards: Sequence[BoardCard]) -> None:
        if self._tell is not None:
            self._tell(cards)
        settled = [card for card in cards if card.state not in (TaskState.TODO, TaskState.IN_PROGRESS)]
        self._show(len(settled), len(cards), backlog_line(cards))


def task_line(card: BoardCard) -> str:
    """What a card does now, in a line."""
    said = [printable(card.title), column(card.state)]
    if card.assigned_agent:
        said.append(card.assigned_agent)
    if card.waiting is not None:
        said.append(f"waits for {card.waiting.reason.value}: {printable(card.waiting.remedy)}")
    elif card.doing:
        said.append(printable(card.doing))
    return " · ".join([*said, money(card.cost_microusd, card.simulated)])


def backlog_line(cards: Sequence[BoardCard]) -> str:
    counts = {state: sum(card.state is state for card in cards) for state in TaskState}
    said = [f"{count} {column(state).lower()}" for state, count in counts.items() if count]
    simulated = any(card.simulated for card in cards)
    return " · ".join([*said, money(sum(card.cost_microusd for card in cards), simulated)])


@contextmanager
def goes_on(what: str) -> Iterator[None]:
    """Ctrl-C, or the stop button of a notebook, ends the waiting alone; whoever sees the traceback is told so."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        stopped.add_note(f"{what} goes on: wait again, or cancel it.")
        raise


def in_notebook() -> bool:
    """Whether a kernel runs this, so that what is displayed is seen. Where one does, IPython is imported already."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def chosen() -> Bar:
    if in_notebook():
        return _NotebookBar()
    if sys.stderr.isatty() and find_spec("rich") is not None:
        return _RichBar()
    return _Lines()


class _NotebookBar:
    """One output that is updated in place."""

    def __init__(self) -> None:
        self._shown: Any = None

    def show(self, done: int, total: int, line: str) -> None:
        from IPython.display import HTML, display

        drawn = HTML(progress_html(done, total, line))
        if self._shown is None:
            self._shown = display(drawn, display_id=True)
        else:
            self._shown.update(drawn)

    def close(self) -> None:
        pass


class _RichBar:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        columns = (SpinnerColumn(), BarColumn(24), TextColumn("{task.description}", markup=False))
        self._progress = Progress(*columns, console=Console(stderr=True), transient=False)
        self._task: Any = None

    def show(self, done: int, total: int, line: str) -> None:
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task("", total=total)
        self._progress.update(self._task, completed=done, total=total, description=line)

    def close(self) -> None:
        self._progress.stop()


class _Lines:
    """For a log: a line whenever it has come further."""

    def __init__(self) -> None:
        self._last: tuple[int, str] | None = None

    def show(self, done: int, total: int, line: str) -> None:
        # Not the seconds, which are the last part: a line each second would be noise.
        now = (done, line.rpartition(" · ")[0])
        if now != self._last:
            self._last = now
            sys.stderr.write(f"{done}/{total} {line}\n")
            sys.stderr.flush()

    def close(self) -> None:
        pass


def progress_html(done: int, total: int, line: str) -> Html:
    return el("div", bar(done / total if total else 0, width="12em"), " ", el("span", line), style="line-height:1.6")
