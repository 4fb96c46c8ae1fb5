"""Ctrl-C and SIGTERM, at whatever moment they come.

Python runs a signal's handler between two of its own instructions only, and the exception that it raises then may land
inside an import or in Ray's start, where it is swallowed, printed, or waits for half a minute. So there are two modes.
*Raising*: `KeyboardInterrupt` in the main thread, as usual. *Abandoning*: a thread, which Python's C code wakes at
once whatever the main thread does, runs what was registered with `at_abandon` and ends the process.

Signals belong to the process, and so does what this module keeps.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from types import FrameType
from typing import Any

ABANDONED = "Stopped before it was up; nothing is left running."

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class _Mode(Enum):
    RAISING = "raising"
    ABANDONING = "abandoning"
    # What ends anyway is not interrupted again.
    ENDING = "ending"


class _State:
    def __init__(self) -> None:
        self.mode = _Mode.ABANDONING
        self.installed = False
        self.cleanups: list[Callable[[], None]] = []
        self.leaving = threading.Lock()


_state = _State()


def install() -> None:
    """Take both signals over, in abandoning mode. In the main thread; twice is harmless."""
    for number in _NUMBERS:
        signal.signal(number, _handle)
    if _state.installed:
        return
    _state.installed = True
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(read,), name="signals", daemon=True).start()


def reinstall() -> None:
    """After foreign code has put its own handlers in place of ours, as `ray.init` does."""
    if _state.installed:
        install()


@contextmanager
def raising() -> Iterator[None]:
    """For code that a `KeyboardInterrupt` ends in good order. It is raised once; later signals change nothing."""
    yield from _in_mode(_Mode.RAISING)


@contextmanager
def abandoning() -> Iterator[None]:
    """For code that must not be interrupted and may be killed: what it had begun is undone by `at_abandon`."""
    yield from _in_mode(_Mode.ABANDONING)


def _in_mode(mode: _Mode) -> Iterator[None]:
    before = _state.mode
    if before is not _Mode.ENDING:
        _state.mode = mode
    try:
        yield
    finally:
        if _state.mode is not _Mode.ENDING:
            _state.mode = before


@contextmanager
def ending() -> Iterator[None]:
    """For a stop: more signals do not interrupt it, nor the end of the process after it."""
    before, _state.mode = _state.mode, _Mode.ENDING
    # Where nobody installed us, Python's own handlers are in place.
    handlers = {} if _state.installed else _ignore()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if not _state.installed:
            _state.mode = before


def at_abandon(cleanup: Callable[[], None]) -> None:
    """What has to be undone where the process ends at once. It runs in another thread, at any moment."""
    _state.cleanups.append(cleanup)


def forget(cleanup: Callable[[], None]) -> None:
    with suppress(ValueError):
        _state.cleanups.remove(cleanup)


def end_within(seconds: float, code: int, sentence: str) -> None:
    """End the process after so long, whatever it is doing then; for a stop that hangs in foreign code. Only where we
    are installed: elsewhere the process is not ours."""

    def end() -> None:
        time.sleep(seconds)
        _leave(code, sentence)

    if _state.installed:
        threading.Thread(target=end, name="deadline", daemon=True).start()


def _ignore() -> dict[int, Any]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, signal.SIG_IGN) for number in _NUMBERS}


def _handle(number: int, frame: FrameType | None) -> None:
    if _state.mode is _Mode.RAISING:
        _state.mode = _Mode.ENDING
        raise KeyboardInterrupt
    if _state.mode is _Mode.ABANDONING:
        # Also from here, since the mode may have changed after `_listen` looked.
        threading.Thread(target=_abandon, args=(number,), daemon=True).start()
        # What the main thread would do or print next concerns a start that is over.
        threading.Event().wait()


def _listen(read: int) -> None:
    while number := os.read(read, 1):
        if number[0] in _NUMBERS and _state.mode is _Mode.ABANDONING:
            _abandon(number[0])


def _abandon(number: int) -> None:
    _leave(128 + number, ABANDONED)


def _leave(code: int, sentence: str) -> None:
    # The first one ends the process; another one waits here until it is gone.
    _state.leaving.acquire()
    for cleanup in reversed(_state.cleanups):
        # Whatever goes wrong, the process ends, and the others get their turn first.
        with suppress(Exception):
            cleanup()
    with suppress(OSError):
        os.write(2, f"{sentence}\n".encode())
    os._exit(code)
