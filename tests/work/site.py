"""An installation whose agents work in a repository of a person's, with models that do what a script says.

A model's answer depends on nothing but how often it has answered in the conversation that it is sent, so that a run
which was killed and goes on gets the same work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from actors.composition import ActorSystem, builder
from actors.runtime.base import Builder
from actors.runtime.local import LocalRuntime
from events import DomainEvent, Recorded
from events.ids import DEFAULT_WORKSPACE, Provider
from events.work import Check
from tests.repo.site import TheirRepository
from tests.waiting import DEADLINE_S
from vapora.agents import Agent
from vapora.clock import new_id, now
from vapora.commands import CreateProject, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.llm.protocol import ToolCall
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.wire.script import Behaviour, Received

WORKSPACE = DEFAULT_WORKSPACE
Event = TypeVar("Event", bound=DomainEvent)
# What a model says in one answer: a text, or tool calls as (name, arguments).
Turn = str | Sequence[tuple[str, dict[str, Any]]]


def call(name: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    return name, arguments


def turns_of(received: Received) -> int:
    """How often the model has answered in this conversation."""
    turns = received.body.get("messages") or received.body.get("contents") or []
    return sum(turn.get("role") in ("assistant", "model") for turn in turns)


def is_review(received: Received) -> bool:
    return "submit_review" in str(received.body.get("tools"))


def behaviour(turn: Turn, number: int) -> Behaviour:
    if isinstance(turn, str):
        return Behaviour(text=turn)
    calls = tuple(
        ToolCall(id=f"call_{number}_{at}", name=name, arguments=arguments) for at, (name, arguments) in enumerate(turn)
    )
    return Behaviour(tool_calls=calls)


def scripted(work: Sequence[Turn], review: Sequence[Turn] = ()) -> Callable[[Received], Behaviour]:
    """Behind its end, the last turn again."""

    def answer(received: Received) -> Behaviour:
        script = review if is_review(received) else work
        number = turns_of(received)
        return behaviour(script[min(number, len(script) - 1)], number)

    return answer


class Site:
    """`runtime`: what the actors live in, made of their builder. `agents`: written in Python."""

    def __init__(
        self,
        folder: Path,
        *,
        providers: Sequence[Provider] = (Provider.ANTHROPIC,),
        runtime: Callable[[Builder], LocalRuntime] = LocalRuntime,
        agents: Sequence[Agent] = (),
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.theirs = TheirRepository(folder / "theirs")
        self.vendors = FakeVendors()
        given = {"data": folder / "data", "repo_roots": [folder], "resend_s": 0.2, "health_interval_s": 0.2}
        self.settings = Settings(**{**given, **settings})
        self._providers = providers
        self._runtime = runtime
        self._agents = agents

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(self.vendors)
            environ = self.vendors.environ(*self._providers) | {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
            self.runtime = self._runtime(builder(self.settings, environ, self._agents))
            opened.push_async_callback(self.runtime.shutdown)
            self.system = ActorSystem(self.settings, self.runtime)
            self.log = LogClient(self.system.log(WORKSPACE), WORKSPACE)
            self.dispatcher = Dispatcher(self.log, now)
            await self.system.open(WORKSPACE)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)

    def origin(self) -> Origin:
        return Origin(WORKSPACE, "user:local", new_id("cor"))

    async def project(self, *checks: Check, **fields: Any) -> str:
        given = [one.model_dump() for one in checks]
        command = CreateProject(**{"name": "Shop", "repo": str(self.theirs.path), "checks": given, **fields})
        return (await self.dispatcher.dispatch(self.origin(), command)).id

    async def task(self, project: str, **fields: Any) -> str:
        given = {"title": "Mend the slug", "role": "developer", "task_type": "code-generation", "review": "human"}
        command = SubmitTask(project_id=project, **{**given, **fields})
        return (await self.dispatcher.dispatch(self.origin(), command)).id

    async def seen(
        self, *kinds: type[Event], count: int = 1, timeout_s: float = DEADLINE_S, after: int = 0
    ) -> list[Event]:
        """Wait until the log holds so many events of these kinds."""
        found: list[Recorded] = []
        async with asyncio.timeout(timeout_s):
            while len(found) < count:
                polled = await self.log.poll(after, 1_000, 5, tuple(kind.TOPIC for kind in kinds))
                found += polled.events
                after = polled.position
        return [one.event for one in found]  # type: ignore[misc]

    async def told(self, kind: type[Event]) -> list[Event]:
        return [one.event for one in await self.everything() if isinstance(one.event, kind)]

    async def everything(self) -> list[Recorded]:
        found: list[Recorded] = []
        position = 0
        while True:
            polled = await self.log.poll(position, 1_000, 0)
            found += polled.events
            position = polled.position
            if position >= polled.head:
                return found
