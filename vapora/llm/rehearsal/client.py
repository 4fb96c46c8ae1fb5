"""The model that answers when no provider is configured: offline, free, and the same every time.

It lets everything around a model call be seen and tested without a key. It does not pretend: each
answer says that it is a rehearsal, and whatever it touches carries `simulated: true`.

Where it is given tools to work with, it uses them: for the demo's cards by scripts (`vapora.llm.rehearsal.script`), and
in any other repository to look around only.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TypeVar

from pydantic_core import to_json

from vapora.llm.protocol import (
    Capabilities,
    Frame,
    ModelAnswer,
    ModelClient,
    ModelRequest,
    Provider,
    TextDelta,
    ToolCall,
    Usage,
)
from vapora.llm.rehearsal import planning, typed, work

_BYTES_PER_TOKEN = 4
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_T = TypeVar("_T")

NOTICE = "> This is a rehearsal: no model was asked, and nothing was spent."

_OPENINGS = (
    "The task was taken apart into what must hold, what may vary, and what is out of scope.",
    "The smallest change that meets the request was chosen, and the rest left as it was.",
    "The request was read twice; where it is silent, the existing conventions decide.",
)
_STEPS = (
    "Read the parts of the repository that the request names.",
    "Wrote down the assumptions, so that a reviewer can refute them.",
    "Kept the public interface as it is; no caller has to change.",
    "Covered the usual case, the empty case and the failing case.",
    "Compared two designs and kept the one with fewer moving parts.",
    "Listed what could break, and how one would notice.",
    "Left the data format alone, so that old records stay readable.",
    "Noted the one place where a measurement should precede any tuning.",
)
_RISKS = (
    "A caller outside this repository may rely on the old behaviour.",
    "The effect on start-up time has not been measured.",
    "Concurrent edits to the same part would need a second look.",
)


class RehearsalClient:
    """Stands in for `provider`. `delay` bounds each answer's duration in seconds."""

    simulated = True

    def __init__(self, provider: Provider, delay: tuple[float, float] = (0.0, 0.0)) -> None:
        low, high = delay
        if not 0 <= low <= high:
            raise ValueError(f"delay must be 0 <= low <= high, not {delay}")
        self.provider = provider
        self._delay = delay

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        dice = _Dice(request)
        await asyncio.sleep(self._delay_by(dice))
        return self._answer(request, dice)

    async def stream(self, request: ModelRequest) -> AsyncIterator[TextDelta | ModelAnswer]:
        dice = _Dice(request)
        answer = self._answer(request, dice)
        words = re.findall(r"\S+\s*|\s+", answer.text)
        pause = self._delay_by(dice) / max(1, len(words))
        for word in words:
            await asyncio.sleep(pause)
            yield TextDelta(text=word)
        yield answer

    def request_bytes(self, request: ModelRequest) -> int:
        return len(_canonical(request))

    def wire(self, model: str) -> str:
        """One for whichever provider it stands in."""
        return "rehearsal"

    def said_bytes(self, request: ModelRequest) -> int:
        return len(_said(request))

    def frame_bytes(self, frame: Frame) -> int:
        # The other object's brace is left out.
        return len(_frame(frame.model, frame.max_output_tokens, frame.temperature)) - 1

    async def ping(self) -> None:
        return None

    async def capabilities(self, model: str) -> Capabilities:
        """Whatever it stands in for, it can use tools."""
        return Capabilities(tools=True)

    async def aclose(self) -> None:
        return None

    def delay_of(self, request: ModelRequest) -> float:
        """The duration of this answer in seconds, fixed by the request."""
        return self._delay_by(_Dice(request))

    def _delay_by(self, dice: _Dice) -> float:
        low, high = self._delay
        return low + (high - low) * dice.fraction()

    def _answer(self, request: ModelRequest, dice: _Dice) -> ModelAnswer:
        text, calls = work.turn(request) if work.can_work(request) else (_work_product(request, dice), ())
        limit = request.max_output_tokens
        length = len(text.encode()) + sum(map(_length, calls))
        fits = length <= limit * _BYTES_PER_TOKEN
        if not fits:
            # A call that is cut off is none; of a text, so much is there.
            text, calls = text.encode()[: limit * _BYTES_PER_TOKEN].decode(errors="ignore"), ()
        return ModelAnswer(
            text=text,
            tool_calls=calls,
            usage=Usage(
                input_tokens=max(1, _tokens(dice.request_bytes)),
                output_tokens=min(limit, max(1, _tokens(length))),
            ),
            finish=("tool" if calls else "stop") if fits else "length",
            model=request.model,
            vendor_request_id=f"rehearsal-{dice.digest[:16]}",
        )


def _length(call: ToolCall) -> int:
    return len(call.name) + len(json.dumps(call.arguments, ensure_ascii=False).encode())


class _Dice:
    """Choices that depend on the request alone: the same in every process, unlike `hash` or `random`."""

    def __init__(self, request: ModelRequest) -> None:
        canonical = _canonical(request)
        self.request_bytes = len(canonical)
        self.digest = hashlib.sha256(canonical).hexdigest()

    def fraction(self) -> float:
        return int(self.digest[:8], 16) / 0xFFFF_FFFF

    def pick(self, options: tuple[_T, ...], salt: int) -> _T:
        return options[self._number(salt) % len(options)]

    def some(self, options: tuple[_T, ...], count: int) -> list[_T]:
        """`count` different ones, in an order of their own."""
        ranked = sorted(range(len(options)), key=lambda index: self._number(index))
        return [options[index] for index in ranked[:count]]

    def _number(self, salt: int) -> int:
        return int(hashlib.sha256(f"{self.digest}/{salt}".encode()).hexdigest()[:12], 16)


def _canonical(request: ModelRequest) -> bytes:
    """The request without its time limit, which says how long to wait and not what is asked."""
    return _frame(request.model, request.max_output_tokens, request.temperature) + _said(request)[1:]


def _said(request: ModelRequest) -> bytes:
    """An object, in the order of its fields."""
    if any(message.images for message in request.messages):
        return _said_with_images(request)
    return request.__pydantic_serializer__.to_json(request, include=_SAID, exclude=_IMAGES)


def _said_with_images(request: ModelRequest) -> bytes:
    fields = request.model_dump(mode="json", include=_SAID)
    for message in fields["messages"]:
        # What it would see is told by the names: without the bytes, which nobody counts.
        images = [image["digest"] for image in message.pop("images")]
        message |= {"images": images} if images else {}
    return to_json(fields)


_SAID = {"system", "messages", "tools"}
_IMAGES = {"messages": {"__all__": {"images"}}}


@lru_cache(maxsize=1_000)
def _frame(model: str, max_output_tokens: int, temperature: float | None) -> bytes:
    """An object without its end: the other one goes on from here, without its beginning."""
    fields = {"model": model, "max_output_tokens": max_output_tokens, "temperature": temperature}
    return to_json(fields)[:-1] + b","


def _tokens(length: int) -> int:
    return -(-length // _BYTES_PER_TOKEN)


def _work_product(request: ModelRequest, dice: _Dice) -> str:
    brief = next((message.text for message in request.messages if message.role == "user"), "")
    first = next((message.text for message in request.messages if typed.is_asked_for(message.text)), None)
    if first is not None:
        return typed.answer(first)
    if planning.is_asked_for(brief):
        return f"{NOTICE}\n\n{planning.proposal(brief)}"
    role = _role(request.system)
    title = _title(request)
    turn = 1 + sum(message.role == "assistant" for message in request.messages)
    lines = [f"# {title}", "", NOTICE, ""]
    lines += [f"{role}, step {turn}. {dice.pick(_OPENINGS, 100)}", "", "## What was done", ""]
    lines += [f"{number}. {step}" for number, step in enumerate(dice.some(_STEPS, 3 + turn % 2), 1)]
    lines += ["", "## What to look at", "", f"- {dice.pick(_RISKS, 200)}"]
    if request.tools:
        named = ", ".join(f"`{tool.name}`" for tool in request.tools[:5])
        lines.append(f"- Tools were on offer ({named}); a rehearsal calls none.")
    lines += ["", "## Result", "", f"“{title}” is ready for review (rehearsal {dice.digest[:8]}).", ""]
    return "\n".join(lines)


def _role(system: str) -> str:
    """The first heading of the system prompt, else its first line."""
    found = _HEADING.search(system)
    return _one_line(found[1] if found else system) or "Agent"


def _title(request: ModelRequest) -> str:
    """The first heading of the last thing that the user said, else its first line."""
    said = [message.text for message in request.messages if message.role == "user" and message.text.strip()]
    last = said[-1] if said else ""
    found = _HEADING.search(last)
    return _one_line(found[1] if found else last) or "Untitled work"


def _one_line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    first = first.strip("#*`_ ").rstrip(".:")
    return first if len(first) <= 120 else first[:117].rstrip() + "..."


def _check(client: RehearsalClient) -> ModelClient:
    """Lets the type checker hold the rehearsal to the protocol."""
    return client
