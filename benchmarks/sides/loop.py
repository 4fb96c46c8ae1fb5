"""The closed loop of every side. Also run in the environments of the others, so of the standard library alone.

A side is a process that reads loads from its standard input and answers on its output, one JSON value a line: `"begin"`
and `"end"` around the window that is measured, then the result.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable

STEPS = 3


class Load:
    """`at_once` tasks, one after the other each, for `seconds` after `warm_s`; with `seconds` 0 one task each, which
    nobody measures. `longest_s`: the model answers after 0 to so many seconds."""

    def __init__(self, at_once: int, seconds: float, warm_s: float, longest_s: float) -> None:
        self.at_once = at_once
        self.seconds = seconds
        self.warm_s = warm_s
        self.longest_s = longest_s

    def model_s(self) -> float:
        return random.uniform(0, self.longest_s)


class _Window:
    """What came to its end in it, and how long each took."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.is_over = False
        self._opened = self._closed = 0.0
        self._open = False

    def open(self) -> None:
        _say("begin")
        self._opened = time.perf_counter()
        self._open = True

    def close(self) -> None:
        self._open = False
        self._closed = time.perf_counter()
        self.is_over = True
        _say("end")

    def add(self, began: float) -> None:
        if self._open:
            self.times.append(time.perf_counter() - began)

    def tell(self) -> None:
        _say({"seconds": self._closed - self._opened, "times": self.times})


def loads() -> itertools.chain[Load]:
    """Each load that is asked for, until the input ends."""
    _say("ready")
    return itertools.chain.from_iterable([Load(**json.loads(line))] for line in sys.stdin)


async def run(load: Load, task: Callable[[], Awaitable[None]]) -> None:
    window = _Window()

    async def slot() -> None:
        while not window.is_over:
            began = time.perf_counter()
            await task()
            window.add(began)
            if not load.seconds:
                return

    slots = asyncio.gather(*(slot() for _ in range(load.at_once)))
    if load.seconds:
        for pause, then in ((load.warm_s, window.open), (load.seconds, window.close)):
            await asyncio.wait([slots], timeout=pause)
            if slots.done():
                break  # one of them failed
            then()
    await slots
    window.tell()


def run_in_threads(load: Load, task: Callable[[], object]) -> None:
    window = _Window()
    errors: list[BaseException] = []

    def slot() -> None:
        try:
            while not window.is_over:
                began = time.perf_counter()
                task()
                window.add(began)
                if not load.seconds:
                    return
        except BaseException as error:
            errors.append(error)

    slots = [threading.Thread(target=slot) for _ in range(load.at_once)]
    for one in slots:
        one.start()
    if load.seconds:
        time.sleep(load.warm_s)
        window.open()
        time.sleep(load.seconds)
        window.close()
    for one in slots:
        one.join()
    if errors:
        raise errors[0]
    window.tell()


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)
