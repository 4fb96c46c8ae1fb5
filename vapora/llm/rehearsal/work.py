"""A rehearsal with tools: the next turn of work that was written in advance, or a look around that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from vapora.llm.protocol import Message, ModelRequest, ToolCall
from vapora.llm.rehearsal import planning
from vapora.llm.rehearsal import script as plays
from vapora.llm.rehearsal.script import Seen, Turn

WRITTEN = "> This is a rehearsal: the work was written in advance, and no model was asked."


def can_work(request: ModelRequest) -> bool:
    return not {"finish", "submit_review"}.isdisjoint(tool.name for tool in request.tools)


def turn(request: ModelRequest) -> tuple[str, tuple[ToolCall, ...]]:
    """What it says, and the tools that it calls. Decided by the conversation alone."""
    tools = {tool.name for tool in request.tools}
    seen = _seen(request.messages)
    brief = next((message.text for message in request.messages if message.role == "user"), "")
    script = plays.script_for(brief)
    if not seen and tools - {"finish", "submit_review"}:
        # A reviewer is given no branch to go on with.
        taken = plays.opening(since_base="finish" in tools) if "submit_review" not in tools else _REVIEWERS_LOOK
    elif "submit_review" in tools:
        return _review(script, brief, seen)
    elif planning.is_asked_for(brief):
        taken = Turn(finish=planning.proposal(brief, _what_is_here(seen)))
    elif script is None or not plays.is_home(seen[0]):
        taken = Turn(finish=f"Looked around\n\nIt changes nothing: a rehearsal.{_what_is_here(seen)}")
    else:
        taken = plays.next_turn(script, seen)
    return taken.say.strip(), _calls(taken, tools, len(seen))


_REVIEWERS_LOOK = Turn(
    say="I read the change as a whole first.", do=({"git_diff": {"since": "base"}}, {"file_list": {}})
)


def _calls(taken: Turn, tools: set[str], number: int) -> tuple[ToolCall, ...]:
    wanted: list[tuple[str, dict[str, JsonValue]]] = [
        (name, arguments) for call in taken.do for name, arguments in call.items() if name in tools
    ]
    if taken.finish is not None:
        wanted.append(("finish", {"summary": f"{taken.finish.strip()}\n\n{WRITTEN}"}))
    return tuple(
        ToolCall(id=f"call-{number}-{index}", name=name, arguments=arguments)
        for index, (name, arguments) in enumerate(wanted)
    )


def _review(script: plays.Script | None, brief: str, seen: Sequence[Seen]) -> tuple[str, tuple[ToolCall, ...]]:
    shown = "\n".join(result for one in seen for result in one.results("git_diff"))
    patch = shown if "diff --git" in shown else brief
    wrong = plays.judgement(script, patch)
    arguments: dict[str, JsonValue]
    if wrong is None:
        reason = (
            script.approve.strip() if script else ""
        ) or "The change does what its card asks, and nothing besides."
        arguments = {"verdict": "approve", "summary": f"{reason}\n\n{WRITTEN}"}
    else:
        comments: list[JsonValue] = [
            {"path": one.path, "line": number, "text": one.text.strip()}
            for one in wrong.comments
            if (number := plays.line_of(patch, one.path, one.at)) is not None
        ]
        summary = f"{wrong.summary.strip()}\n\n{WRITTEN}"
        arguments = {"verdict": "request-changes", "summary": summary, "comments": comments}
    return "", (ToolCall(id=f"call-{len(seen)}-0", name="submit_review", arguments=arguments),)


def _what_is_here(seen: Sequence[Seen]) -> str:
    listed = [line for one in seen for result in one.results("file_list") for line in result.splitlines()]
    top = [line.partition("\t")[0] for line in listed if "/" not in line.partition("\t")[0].rstrip("/")]
    return f"\n\nAt the top of the repository it saw: {', '.join(top[:20])}." if top else ""


def _seen(messages: Sequence[Message]) -> tuple[Seen, ...]:
    results: Mapping[str | None, str] = {
        message.tool_call_id: message.text for message in messages if message.role == "tool"
    }
    taken: list[Seen] = []
    for message in messages:
        if message.role == "assistant":
            calls: list[tuple[str, Mapping[str, Any], str]] = [
                (call.name, call.arguments, results.get(call.id, "")) for call in message.tool_calls
            ]
            taken.append(Seen(tuple(calls)))
    return tuple(taken)
