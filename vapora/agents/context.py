"""What the body of an agent is given. Every call is a step that is recorded: after a crash the body runs again from its
beginning, and is told what was recorded, until it is where it was.

So the body has to ask the same again. What else it needs from outside (the time, chance, a file) it takes through
`record`; a body that asks something else than its record says is refused, and told what differs.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from typing import Any, NoReturn, ParamSpec, TypeVar, overload

from vapora.agents.errors import Finished, GivenUp
from vapora.agents.facts import Facts, Project, Task
from vapora.agents.flows import Flow, Flows
from vapora.agents.requests import Compute, Request, Told
from vapora.agents.tools import Tool

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Ask = Callable[[Request], "Future[Told]"]


class _About:
    """What both kinds of context have."""

    def __init__(self, facts: Facts, tools: Sequence[str], ask: Ask, first: int = 0) -> None:
        self._facts = facts
        self._flows = Flows(tools, first)
        self._ask = ask

    @property
    def task(self) -> Task:
        """The card, as it was when the run began."""
        return self._facts.task

    @property
    def project(self) -> Project:
        return self._facts.project

    @property
    def past_work(self) -> str:
        """What is told of earlier work of the same kind: information, and no order. Empty where there is none."""
        return self._facts.past_work

    @property
    def run_id(self) -> str:
        return self._facts.run_id

    @property
    def agent_id(self) -> str:
        return self._facts.agent_id

    @property
    def attempt(self) -> int:
        """Which try at the card this is, from 1."""
        return self._facts.attempt

    @property
    def failed_checks(self) -> str:
        """What the project's checks said of the work, where one is red and the body runs again to mend it; else empty.
        It runs three times at most, and not again where the last time changed nothing."""
        return self._facts.failed_checks

    def finish(self, product: object) -> NoReturn:
        """End here with this work product: a text, a pydantic model, or what JSON takes. The same as returning it."""
        raise Finished(product)

    def fail(self, reason: str) -> NoReturn:
        """End here as failed. `reason` stands on the card."""
        raise GivenUp(reason)


class Context(_About):
    """For a body that is an ordinary function: each call blocks until it has its answer."""

    @overload
    def model(
        self,
        prompt: str,
        *,
        answer: type[T],
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> T: ...
    @overload
    def model(
        self,
        prompt: str,
        *,
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> str: ...
    def model(
        self,
        prompt: str,
        *,
        answer: type[Any] | None = None,
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> Any:
        """Ask a model, within the budget: its answer as a text, or as `answer`, a pydantic model or any type that
        pydantic knows. `tools`: those of the agent that the model may call first, as often as it wants; each call is a
        step of its own. `system` goes before the agent's own prompt. A model that gives no usable answer ends the run.

        Raises `AnswerError` where a typed answer does not fit, also after one correction.
        """
        return self._drive(self._flows.model(prompt, answer, tools, system, max_output_tokens))

    @overload
    def tool(self, tool: Tool[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    def tool(self, tool: str, /, **arguments: Any) -> str: ...
    def tool(self, tool: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a tool: one of Python by itself, any other by its name (`file_read`, `time.get_current_time`), whose
        result is a text. The permissions are asked as for every agent.

        Raises `ToolFailedError` where it did not do what was asked, `BadInputError` for wrong arguments.
        """
        return self._drive(self._flows.tool(tool, args, kwargs))

    def record(self, name: str, function: Callable[[], T]) -> T:
        """A value from outside, found out once and recorded: `ctx.record("now", time.time)`. After a crash it is what
        it was. It has to be what JSON takes; what it was recorded as is what comes back."""
        value: T = self._drive(self._flows.record(name, function))
        return value

    def ask(self, question: str, options: Sequence[str] = ()) -> str:
        """Ask a person; the run waits until somebody answers on the card."""
        return str(self._drive(self._flows.ask(question, options)))

    def _drive(self, flow: Flow) -> Any:
        told: Any = None
        while True:
            try:
                step = flow.send(told)
            except StopIteration as done:
                return done.value
            told = step.function() if isinstance(step, Compute) else self._ask(step).result()


class AsyncContext(_About):
    """For a body that is `async def`: each call is awaited. Calls that are made together are answered one after the
    other, in the order in which they were made."""

    @overload
    async def model(
        self,
        prompt: str,
        *,
        answer: type[T],
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> T: ...
    @overload
    async def model(
        self,
        prompt: str,
        *,
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> str: ...
    async def model(
        self,
        prompt: str,
        *,
        answer: type[Any] | None = None,
        tools: Sequence[Tool[Any, Any] | str] = (),
        system: str | None = None,
        max_output_tokens: int | None = None,
    ) -> Any:
        """As `Context.model`."""
        return await self._drive(self._flows.model(prompt, answer, tools, system, max_output_tokens))

    @overload
    async def tool(self, tool: Tool[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R: ...
    @overload
    async def tool(self, tool: str, /, **arguments: Any) -> str: ...
    async def tool(self, tool: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As `Context.tool`."""
        return await self._drive(self._flows.tool(tool, args, kwargs))

    async def record(self, name: str, function: Callable[[], T | Awaitable[T]]) -> T:
        """As `Context.record`; the function may be `async`."""
        value: T = await self._drive(self._flows.record(name, function))
        return value

    async def ask(self, question: str, options: Sequence[str] = ()) -> str:
        """As `Context.ask`."""
        return str(await self._drive(self._flows.ask(question, options)))

    async def _drive(self, flow: Flow) -> Any:
        told: Any = None
        while True:
            try:
                step = flow.send(told)
            except StopIteration as done:
                return done.value
            if isinstance(step, Compute):
                told = step.function()
                told = await told if inspect.isawaitable(told) else told
            else:
                told = await asyncio.wrap_future(self._ask(step))
