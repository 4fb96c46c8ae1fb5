"""Given a card and a script, when an agent works on it, then …: an agent's code in a test, without a server.

    outcome = given("Summarise it", description="one two three").model("Short.").when(summariser)
    outcome.then.finishes("3 words: Short.").uses("word_count", text="one two three").resumes()

The code runs as in a real run, in a thread of its own, and asks step by step; models and people say what the script
says, its own Python tools are called, unless the script says what they give.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter

from vapora.agents import Agent, Project, Task, Tool
from vapora.agents.body import Body
from vapora.agents.facts import Facts
from vapora.agents.requests import Ended, Raised, Request, Returned, Told, Wish
from vapora.agents.schemas import text_of
from vapora.agents.tools import SERVER

LIMIT_S = 30.0
Result = TypeVar("Result")


@dataclass(frozen=True)
class Wishes:
    """An answer in which a model asks for tools."""

    wishes: tuple[Wish, ...]


def wish(tool: Tool[Any, Any] | str, /, **arguments: JsonValue) -> Wishes:
    """What a scripted model says to have a tool called."""
    return Wishes((Wish(_full(tool), arguments),))


# What a scripted model says: a text, wishes, or what is sent as JSON. A function is given the prompt.
Says = str | Wishes | BaseModel | Mapping[str, Any] | Sequence[Any]


@dataclass(frozen=True)
class Step:
    """`kind`: model, tool or value. `asked`: what the code asked for, `told` what it was told."""

    request: Request
    told: Told

    @property
    def kind(self) -> str:
        return self.request.kind

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def asked(self) -> Mapping[str, JsonValue]:
        return self.request.asked

    @property
    def prompt(self) -> str:
        """All that a user says to the model in this call."""
        turns: Any = self.request.asked.get("turns", [])
        return "\n\n".join(turn["text"] for turn in turns if turn["role"] == "user")


class Given:
    """What there is before the agent begins. Each method returns this."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._project = Project()
        self._past_work = ""
        self._failed_checks = ""
        self._models: deque[Says | Callable[[str], Says]] = deque()
        self._people: deque[str] = deque()
        self._tools: dict[str, Any] = {}
        self._values: dict[str, Any] = {}

    def project(self, name: str, **fields: Any) -> Self:
        self._project = Project(name=name, **fields)
        return self

    def past_work(self, text: str) -> Self:
        self._past_work = text
        return self

    def failed_checks(self, text: str) -> Self:
        """The body runs once more, since the project's checks said this of its work."""
        self._failed_checks = text
        return self

    def model(self, *answers: Says | Callable[[str], Says]) -> Self:
        """What the model says, call by call. A function is given the prompt, and answers every call from then on."""
        self._models.extend(answers)
        return self

    def person(self, *answers: str) -> Self:
        """What a person answers to `ctx.ask`."""
        self._people.extend(answers)
        return self

    def tool(self, tool: Tool[Any, Any] | str, gives: Any) -> Self:
        """What a tool gives, in place of calling it; an exception: it fails with these words."""
        self._tools[_full(tool)] = gives
        return self

    def value(self, name: str, value: Any) -> Self:
        """What `ctx.record(name, …)` gives, in place of finding it out."""
        self._values[name] = value
        return self

    def when(self, agent: Agent) -> Outcome:
        """Have the agent's code work on the card, to its end: in a thread, so that it does so in a notebook too, where
        an event loop runs already."""
        return _run(self.when_awaited(agent))

    async def when_awaited(self, agent: Agent) -> Outcome:
        """As `when`, in an event loop."""
        facts = Facts(
            "run-1", agent.name, self._task, self._project, self._past_work, failed_checks=self._failed_checks
        )
        steps, ended = await _carried_out(agent, facts, (), self._told(agent))
        return Outcome(agent, facts, steps, ended)

    def _told(self, agent: Agent) -> Callable[[Request], Told]:
        own = {one.full_name: one for one in agent.own_tools}
        models, people = deque(self._models), deque(self._people)

        def told(request: Request) -> Told:
            match request.kind:
                case "model":
                    return _said(_next(models, request), request)
                case "value" if request.value is None:
                    if request.name not in self._values:
                        return Told(known=False)
                    return Told(TypeAdapter(Any).dump_json(self._values[request.name]).decode())
                case "value":
                    return Told(request.value or "null")
                case _ if request.name == "ask":
                    if not people:
                        raise AssertionError(f"A person is asked, and the script has no answer: {request.text}")
                    return Told(people.popleft())
                case _:
                    return _used(request, self._tools, own)

        return told


def given(title: str = "A card", **task: Any) -> Given:
    """A card: its `title`, and the fields of `vapora.agents.Task`."""
    return Given(Task(title=title, **task))


class Outcome:
    """What became of it. Each check returns this, and raises `AssertionError` with what was instead."""

    def __init__(self, agent: Agent, facts: Facts, steps: Sequence[Step], ended: Ended) -> None:
        self._agent = agent
        self._facts = facts
        self._ended = ended
        self.steps = tuple(steps)

    @property
    def then(self) -> Self:
        return self

    @property
    def product(self) -> str:
        """The work product as it would stand on the card. `AssertionError` where there is none."""
        if isinstance(self._ended, Raised):
            raise AssertionError(f"It failed: {self._ended.reason}")
        if not self._ended.product:
            raise AssertionError("It returned nothing.")
        return self._ended.product

    @property
    def failure(self) -> str:
        """Why it failed; empty where it did not."""
        return self._ended.reason if isinstance(self._ended, Raised) else ""

    def finishes(self, product: Any = None, *, containing: str = "") -> Self:
        """It ended well, with this product or with one that contains a text. A pydantic model stands for its JSON."""
        wanted = product if product is None or isinstance(product, str) else _json(product)
        if wanted is not None:
            assert self.product == wanted, f"It finished with {self.product!r}, and not with {wanted!r}."
        assert containing in self.product, f"{containing!r} is not in {self.product!r}."
        return self

    def fails(self, containing: str = "") -> Self:
        assert self.failure, f"It did not fail: it finished with {getattr(self._ended, 'product', '')!r}."
        assert containing in self.failure, f"It failed otherwise: {self.failure}"
        return self

    def asks(self, *texts: str) -> Self:
        """It asked a model so often, each time with a prompt that contains this."""
        prompts = [one.prompt for one in self.steps if one.kind == "model"]
        assert len(prompts) == len(texts), f"It asked a model {len(prompts)} times: {prompts}"
        for prompt, text in zip(prompts, texts, strict=True):
            assert text in prompt, f"{text!r} is not in the prompt {prompt!r}."
        return self

    def uses(self, tool: Tool[Any, Any] | str, /, **arguments: JsonValue) -> Self:
        """It used the tool, once at least with these arguments among others."""
        calls: list[Any] = [one.asked["arguments"] for one in self.steps if one.kind == "tool" and _is(one.name, tool)]
        assert any(arguments.items() <= call.items() for call in calls), f"It called {_full(tool)} with {calls}."
        return self

    def does_not_use(self, tool: Tool[Any, Any] | str) -> Self:
        calls = [one.asked for one in self.steps if one.kind == "tool" and _is(one.name, tool)]
        assert not calls, f"It called {_full(tool)}: {calls}"
        return self

    def resumes(self) -> Self:
        """The code can be killed anywhere: run again with what is recorded, it asks the same and ends the same."""
        steps, ended = _run(_carried_out(self._agent, self._facts, self.steps, _nothing_more))
        assert len(steps) == len(self.steps), f"Run again it took {len(steps)} steps, and not {len(self.steps)}."
        assert ended == self._ended, f"Run again it ended with {ended}, and not with {self._ended}."
        return self


async def _carried_out(
    agent: Agent, facts: Facts, recorded: Sequence[Step], told: Callable[[Request], Told]
) -> tuple[list[Step], Ended]:
    body = Body(agent, facts)
    steps: list[Step] = []
    try:
        while True:
            async with asyncio.timeout(LIMIT_S):
                said = await body.next()
            if isinstance(said, Returned | Raised):
                return steps, said
            if said.number < len(recorded):
                answer = _as_recorded(recorded[said.number], said)
            else:
                answer = await asyncio.to_thread(told, said)
            if answer.known:
                steps.append(Step(replace(said, value=None), answer))
            body.tell(answer)
    except TimeoutError:
        raise AssertionError(f"The code of {agent.name} took more than {LIMIT_S:g} s between two steps.") from None
    finally:
        body.close()


def _as_recorded(step: Step, said: Request) -> Told:
    now, was = (said.kind, said.name, said.text), (step.kind, step.name, step.request.text)
    assert now == was, (
        f"Run again, the code asks for {now} as step {said.number + 1}, where it asked for {was}. Take the time, "
        "chance and files through ctx.record(…)."
    )
    return step.told


def _nothing_more(request: Request) -> Told:
    raise AssertionError(f"Run again, the code asks for more: {request.kind} {request.name} {request.text}")


def _next(models: deque[Any], request: Request) -> Any:
    if not models:
        raise AssertionError(f"The model is asked, and the script has no answer: {request.text}")
    return models[0] if callable(models[0]) and not isinstance(models[0], BaseModel) else models.popleft()


def _said(says: Any, request: Request) -> Told:
    if callable(says) and not isinstance(says, BaseModel):
        turns: Any = request.asked["turns"]
        says = says(turns[-1].get("text", ""))
    if isinstance(says, Wishes):
        return Told(wishes=says.wishes)
    return Told(says if isinstance(says, str) else _json(says))


def _used(request: Request, stubs: Mapping[str, Any], own: Mapping[str, Tool[Any, Any]]) -> Told:
    arguments: Any = request.asked["arguments"]
    stubbed = next((one for one in stubs if _is(request.name, one)), None)
    if stubbed is not None:
        gives = stubs[stubbed]
        if isinstance(gives, BaseException):
            return Told(str(gives), ok=False)
        return Told(gives if isinstance(gives, str) else _json(gives))
    if request.name not in own:
        raise AssertionError(f"{request.name} is no tool of Python: say what it gives with .tool({request.name!r}, …).")
    try:
        return Told(own[request.name].run(arguments))
    except Exception as error:
        return Told(f"{request.name} raised {type(error).__name__}: {error}", ok=False)


def _json(value: Any) -> str:
    """As a work product or a result stands, but for a text, which is one in JSON too."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)


def _full(tool: Tool[Any, Any] | str) -> str:
    return tool.full_name if isinstance(tool, Tool) else tool


def _is(name: str, tool: Tool[Any, Any] | str) -> bool:
    """A tool of Python may be named without its server."""
    return name in (_full(tool), f"{SERVER}.{_full(tool)}")


def _run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """To its end, in a thread with a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


__all__ = ["Given", "Outcome", "Step", "Wishes", "given", "wish"]
