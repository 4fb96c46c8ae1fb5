"""What each call of a context does, as generators: they yield what is asked, and are sent what is told.

So the same code serves a body that blocks, one that awaits, and a test without either.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from pydantic import JsonValue, ValidationError

from vapora.agents import typed
from vapora.agents.errors import AnswerError, ToolFailedError
from vapora.agents.requests import Compute, Request, StepKind, Told
from vapora.agents.schemas import text_of
from vapora.agents.tools import Tool, names_of
from vapora.errors import BadInputError

Flow = Generator[Request | Compute, Any, Any]

ASK = "ask"


class Flows:
    """`tools`: full names of those that the agent has. Steps are numbered from `first`, in the order in which they are
    asked for."""

    def __init__(self, tools: Sequence[str], first: int = 0) -> None:
        self._tools = frozenset(tools)
        self._numbers = itertools.count(first)

    def model(
        self,
        prompt: str,
        answer: type[Any] | None,
        tools: Sequence[Tool[Any, Any] | str],
        system: str | None,
        max_output_tokens: int | None,
    ) -> Flow:
        names = [self._known(one) for one in names_of(tuple(tools))]
        told = prompt if answer is None else f"{prompt}\n\n{typed.instruction(answer)}"
        turns: list[JsonValue] = [{"role": "user", "text": told}]
        corrected = False
        while True:
            asked: dict[str, JsonValue] = {"turns": list(turns), "tools": list[JsonValue](names)}
            if system is not None:
                asked["system"] = system
            if max_output_tokens is not None:
                asked["max_output_tokens"] = max_output_tokens
            request = self._request("model", "", asked)
            said: Told = yield request
            turns.append({"role": "assistant", "step": request.number})
            if said.wishes:
                for call, wish in enumerate(said.wishes):
                    use = self._request("tool", wish.name, {"arguments": dict(wish.arguments)})
                    yield use  # whatever came of it, the model reads it
                    turns.append({"role": "tool", "step": use.number, "of": request.number, "call": call})
                continue
            if answer is None:
                return said.text
            try:
                return typed.read(answer, said.text)
            except ValidationError as error:
                if corrected:
                    raise AnswerError(
                        f"The answer does not fit {answer.__name__}, also after a correction: {typed.faults(error)}",
                        remedy="Ask for less at once, or take a larger model.",
                        text=said.text,
                    ) from error
                corrected = True
                turns.append({"role": "user", "text": typed.correction(error)})

    def tool(self, tool: Tool[Any, Any] | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Flow:
        name = self._known(tool.full_name if isinstance(tool, Tool) else tool)
        if isinstance(tool, Tool):
            arguments = tool.arguments(args, kwargs)
        elif args:
            raise BadInputError(f"The arguments of {name} have to be named.")
        else:
            arguments = dict(kwargs)
        told: Told = yield self._request("tool", name, {"arguments": arguments})
        if not told.ok:
            raise ToolFailedError(told.text, tool=name, lost=told.lost)
        if not isinstance(tool, Tool):
            return told.text
        try:
            return tool.value(told.text)
        except ValueError as error:
            why = "was too long and is cut off" if told.truncated else "cannot be read"
            raise ToolFailedError(f"What {name} returned {why}.", tool=name, lost=False) from error

    def ask(self, question: str, options: Sequence[str]) -> Flow:
        arguments: dict[str, JsonValue] = {"question": question}
        if options:
            arguments["options"] = list(options)
        told: Told = yield self._request("tool", ASK, {"arguments": arguments})
        if not told.ok:
            raise ToolFailedError(told.text, tool=ASK, lost=False)
        return told.text

    def record(self, name: str, function: Callable[[], Any]) -> Flow:
        request = self._request("value", name, {})
        told: Told = yield request
        if told.known:
            return json.loads(told.text)
        value = yield Compute(function)
        try:
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)
        except ValueError as error:
            raise BadInputError(f"The value {name!r} cannot be recorded: JSON does not have it.") from error
        told = yield Request(request.number, "value", name, {}, text)
        return json.loads(told.text)

    def _known(self, name: str) -> str:
        if name in self._tools:
            return name
        raise BadInputError(
            f"The agent has no tool {name}.",
            remedy=f"Name it in @vapora.agent(tools=[…]). It has: {', '.join(sorted(self._tools)) or 'none'}.",
        )

    def _request(self, kind: StepKind, name: str, asked: Mapping[str, JsonValue]) -> Request:
        return Request(next(self._numbers), kind, name, asked)
