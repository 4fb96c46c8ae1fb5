"""The call of a model that code asks for: all that it reads is said by the code, or stands in its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from actors.agent.prompts import call_of_run
from actors.agent.run_under_way import RunUnderWay
from actors.agent.served_calls import specs_of
from actors.messages import Call
from events.content import Content
from vapora.agents.requests import Request
from vapora.domain.next_step import Ask
from vapora.domain.run import Run
from vapora.domain.tool_names import shown
from vapora.llm.protocol import Message, ToolSpec
from vapora.llm.turns import answered, result
from vapora.tools.table import TOOLS


def call_of_code(one: RunUnderWay, run: Run, asked: Request, ask: Ask) -> Call:
    """Blocks where texts have to be fetched."""
    said, kept = asked.asked.get("system"), run.started.system if run.started is not None else None
    prompt = one.text(kept) if kept is not None else ""
    wanted = asked.asked.get("max_output_tokens")
    limit = wanted if isinstance(wanted, int) else one.manifest.max_output_tokens
    call = call_of_run(
        one.assignment,
        one.manifest,
        run,
        ask,
        f"{said}\n\n{prompt}" if said else prompt,
        _turns(run, asked.asked["turns"], one.text),
        ask.room(limit),
        step=asked.number,
    )
    return replace(call, tools=_tools(run, asked.asked["tools"], one.text))


def _turns(run: Run, turns: Any, text: Callable[[Content], str]) -> tuple[Message, ...]:
    """`{role: user, text}`, `{role: assistant, step}`, `{role: tool, step, of, call}`: the last two name what is
    recorded."""
    answers, used = {one.step: one for one in run.answers}, {one.step: one for one in run.used}
    told: list[Message] = []
    for turn in turns:
        match turn["role"]:
            case "assistant":
                told.append(answered(answers[turn["step"]], text))
            case "tool":
                came, wish = used[turn["step"]], answers[turn["of"]].tool_calls[turn["call"]]
                told.append(result(wish, text(came.result), failed=not came.ok))
            case _:
                told.append(Message(role="user", text=turn["text"]))
    return tuple(told)


def _tools(run: Run, names: Any, text: Callable[[Content], str]) -> tuple[ToolSpec, ...]:
    wanted: Sequence[str] = names
    served = {one.name: one for one in specs_of(run, text)}
    own = [TOOLS[name].spec() for name in wanted if name in TOOLS]
    return (*own, *(served[shown(name)] for name in wanted if name not in TOOLS and shown(name) in served))
