"""The code of one run under way, in a thread of its own: it asks, whoever carries the run out tells.

A thread cannot be ended from outside. A body that nobody waits for any more is told so with its next question; until
then it changes nothing but what it does by itself.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
import traceback
from concurrent.futures import Future
from typing import Any

from vapora.agents.context import AsyncContext, Context
from vapora.agents.definition import Agent
from vapora.agents.errors import Abandoned, Finished, GivenUp
from vapora.agents.facts import Facts
from vapora.agents.requests import Ended, Raised, Request, Returned, Told
from vapora.agents.schemas import text_of

_NUMBERS = itertools.count(1)
_LONGEST = 1_000


class Body:
    """Belongs to the running event loop, in which `next` and `tell` are called. `first`: the number of its first step,
    where the code ran before for the same run."""

    def __init__(self, agent: Agent, facts: Facts, first: int = 0) -> None:
        self._agent = agent
        self._facts = facts
        self._first = first
        self._loop = asyncio.get_running_loop()
        self._said: asyncio.Queue[Request | Ended] = asyncio.Queue()
        self._waiting: dict[int, Future[Told]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._front: Request | Ended | None = None
        name = f"agent {agent.name} {next(_NUMBERS)}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def next(self) -> Request | Ended:
        """What it asks and was not told yet, the oldest first; or how it ended. Asked again, the same."""
        if self._front is None:
            self._front = await self._said.get()
        return self._front

    def tell(self, told: Told) -> None:
        """What it asked last."""
        if not isinstance(self._front, Request):
            raise ValueError("nothing is asked")
        request, self._front = self._front, None
        with self._lock:
            answer = self._waiting.pop(request.number, None)
        if answer is not None and not answer.done():
            answer.set_result(told)

    def close(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = list(self._waiting.values()), {}
        for answer in waiting:
            if not answer.done():
                answer.set_exception(Abandoned())

    # In its own thread.

    def _ask(self, request: Request) -> Future[Told]:
        answer: Future[Told] = Future()
        with self._lock:
            if self._closed:
                raise Abandoned
            self._waiting[request.number] = answer
        self._say(request)
        return answer

    def _say(self, said: Request | Ended) -> None:
        try:
            self._loop.call_soon_threadsafe(self._said.put_nowait, said)
        except RuntimeError:
            return  # the loop is closed: nobody hears it

    def _run(self) -> None:
        ended = self._to_its_end()
        if ended is not None:
            self._say(ended)

    def _to_its_end(self) -> Ended | None:
        """None where nobody waits for it."""
        try:
            return self._returned(self._carried_out())
        except Abandoned:
            return None
        except Finished as finished:
            return self._returned(finished.product)
        except GivenUp as given_up:
            return Raised(given_up.reason.strip()[:_LONGEST] or "Its code gave up.")
        except BaseException as error:
            return Raised(_told(error))

    def _carried_out(self) -> Any:
        run = self._agent.begin()
        tools = self._agent.tool_names
        if inspect.iscoroutinefunction(run):
            return asyncio.run(_awaited(run, AsyncContext(self._facts, tools, self._ask, self._first)))
        return run(Context(self._facts, tools, self._ask, self._first))

    def _returned(self, product: object) -> Ended:
        if product is None:
            return Returned(None)
        try:
            return Returned(text_of(product))
        except ValueError:
            kind = type(product).__name__
            return Raised(f"It returned a {kind}, which is no work product: return a text, a pydantic model, or JSON.")


async def _awaited(run: Any, context: AsyncContext) -> Any:
    return await run(context)


def _told(error: BaseException) -> str:
    """With the place in the person's own code, and without anything of what variables hold."""
    ours = str(__file__).rpartition("/")[0]
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith(ours)]
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    said = f"{error}".strip()
    return f"Its code raised {type(error).__name__}{where}{f': {said}' if said else '.'}"[:_LONGEST]
