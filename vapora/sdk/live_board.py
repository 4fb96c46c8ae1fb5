"""A board that stays up to date, in the output of one cell of a notebook."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vapora.errors import VaporaError
from vapora.sdk.frames import required
from vapora.sdk.show.html import Html, el
from vapora.views import AttemptChange, BudgetChange, ColumnChange, PauseChange, ProjectChange, TaskChange
from vapora.views.base import html_of

if TYPE_CHECKING:
    from vapora.sdk.client import Client
    from vapora.sdk.live import Live
    from vapora.sdk.shapes import Board

# What moves something on a board. Steps and runs come often, and their cards come with them.
_MOVES = (TaskChange, ColumnChange, PauseChange, ProjectChange, AttemptChange, BudgetChange)
# A board is drawn that often at most, however much happens.
_BREATH_S = 0.3


class LiveBoard:
    """Shown as the last line of a cell, or in a `with` block, it follows the board of a project (its name or id), or of
    the whole workspace, until `stop()`, or until the client is closed.

    It is one output of IPython that is updated by its id: no script runs in the page, so that it works in every
    notebook, also in one that was not marked as trusted. A thread of its own draws it; cells go on meanwhile. `updates`
    counts how often it was drawn, `problem` says why it stopped by itself. Needs IPython.
    """

    def __init__(self, client: Client, project: str | None = None) -> None:
        self._client = client
        self._project = project
        self._thread: threading.Thread | None = None
        self._live: Live | None = None
        self._stopped = threading.Event()
        self._drawn = threading.Condition()
        self._output: Any = None
        self.board: Board | None = None
        self.updates = 0
        self.problem = ""

    def start(self) -> Self:
        """Draw it and follow on. Raises what keeps it from being drawn at all."""
        if self._thread is not None:
            return self
        display = required("IPython.display", "a notebook")
        project_id = None if self._project is None else self._client.projects[self._project].id()
        board = self._client.board(project_id)
        self._output = display.display(display.HTML(self._page(board)), display_id=True)
        self._take(board)
        self._live = self._client.live(board.position)
        self._thread = threading.Thread(
            target=self._follow, args=(self._live, project_id, display.HTML), name="live-board", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """The board stays as it was drawn last."""
        self._stopped.set()
        if self._live is not None:
            self._live.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def wait(self, position: int, timeout: float = 60.0) -> bool:
        """Until it shows what stands at this position of the log; whether it came to that in time."""
        with self._drawn:
            return self._drawn.wait_for(lambda: self._position >= position or bool(self.problem), timeout)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _ipython_display_(self) -> None:
        self.start()

    @property
    def _position(self) -> int:
        return -1 if self.board is None else self.board.position

    def _follow(self, live: Live, project_id: str | None, html: Any) -> None:
        try:
            for frame in live:
                if any(isinstance(change, _MOVES) for change in frame.rows) and frame.position > self._position:
                    board = self._client.board(project_id, after=frame.position)
                    self._show(html, board)
                    self._take(board)
                    self._stopped.wait(_BREATH_S)
        except (VaporaError, RuntimeError) as error:
            # A client that was closed meanwhile is an end, not a fault: httpx says so by a RuntimeError.
            self._end("" if self._stopped.is_set() else str(error), html)

    def _show(self, html: Any, board: Board, note: str = "") -> None:
        # None outside of IPython, where `display` has printed it.
        if self._output is not None:
            self._output.update(html(self._page(board, note)))

    def _take(self, board: Board) -> None:
        with self._drawn:
            self.board = board
            self.updates += 1
            self._drawn.notify_all()

    def _end(self, problem: str, html: Any) -> None:
        if problem and self.board is not None:
            self._show(html, self.board, f"This board is no longer kept up to date: {problem}")
        with self._drawn:
            self.problem = problem
            self._drawn.notify_all()

    @staticmethod
    def _page(board: Board, note: str = "") -> Html:
        return el("div", Html(html_of(board) or ""), *([el("div", note)] if note else []))
