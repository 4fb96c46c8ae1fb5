"""GPT, through the `openai` SDK (Chat Completions, which every compatible server speaks too)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Literal

from vapora.llm.adapter import (
    CONNECT_TIMEOUT_S,
    PING_TIMEOUT_S,
    Body,
    Piece,
    VendorAdapter,
    call_id,
    tool_calls,
    whole,
)
from vapora.llm.protocol import Message, ModelAnswer, ModelRequest, Provider, TextDelta, Usage

Finish = Literal["stop", "length", "tool", "refusal", "other"]

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "refusal",
}
_GENERATION = re.compile(r"gpt-(\d+)(?:\.(\d+))?")


class OpenAIClient(VendorAdapter):
    """Two rules of the vendor's that only its 400s tell:

    - gpt-5.6 and later refuse tools in this API unless `reasoning_effort` is `none`, even unset;
    - gpt-5 and later, and the o family, refuse any temperature but their own, so it is not sent to them.
    """

    provider = Provider.OPENAI
    default_url = "https://api.openai.com/v1"

    def body(self, request: ModelRequest, *, stream: bool = False) -> Body:
        system = [{"role": "system", "content": request.system}] if request.system else []
        body: Body = {
            "messages": system + [_turn(message) for message in request.messages],
            "model": request.model,
            "max_completion_tokens": request.max_output_tokens,
        }
        if request.temperature is not None and _takes_temperature(request.model):
            body["temperature"] = request.temperature
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                }
                for tool in request.tools
            ]
            if _generation(request.model) >= (5, 6):
                body["reasoning_effort"] = "none"
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return body

    def _build(self) -> Any:
        import openai

        return openai.AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0)

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        completion = await sdk.chat.completions.create(**self.body(request), timeout=_timeout(request.timeout_s))
        draft = _Draft(request.model, completion._request_id)
        draft.take_head(completion)
        draft.finish = completion.choices[0].finish_reason
        draft.take(completion.choices[0].message)
        return draft.answer()

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        return await sdk.chat.completions.create(**self.body(request, stream=True), timeout=_timeout(request.timeout_s))

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        draft = _Draft(request.model, opened.response.headers.get("x-request-id"))
        try:
            async for chunk in opened:
                draft.take_head(chunk)
                for choice in chunk.choices:
                    draft.finish = choice.finish_reason or draft.finish
                    if text := draft.take(choice.delta):
                        yield TextDelta(text=text)
            if draft.finish is not None:
                yield draft.answer()
        finally:
            await opened.close()

    async def _list_models(self, sdk: Any) -> None:
        await sdk.models.list(timeout=PING_TIMEOUT_S)

    async def _close(self, sdk: Any) -> None:
        await sdk.close()


@dataclass
class _Call:
    """A tool call in pieces: id and name come with the first one, the arguments bit by bit."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass
class _Draft:
    """An answer as it arrives. A whole message and a delta have the same fields, so both go through `take`."""

    model: str
    request_id: str | None = None
    finish: str | None = None
    texts: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Any = None
    refused: bool = False

    def take_head(self, chunk: Any) -> None:
        self.model = chunk.model or self.model
        self.usage = chunk.usage or self.usage

    def take(self, part: Any) -> str:
        """Takes in a message or a delta; returns the text that it adds."""
        refusal = getattr(part, "refusal", None) or ""
        self.refused = self.refused or bool(refusal)
        for position, piece in enumerate(part.tool_calls or ()):
            index = getattr(piece, "index", None)
            call = self.calls.setdefault(position if index is None else index, _Call())
            call.id = piece.id or call.id
            if piece.function is not None:
                call.name = piece.function.name or call.name
                call.arguments.append(piece.function.arguments or "")
        text = (part.content or "") + refusal
        self.texts.append(text)
        return text

    def answer(self) -> ModelAnswer:
        finish = _FINISH.get(self.finish or "", "other")
        return ModelAnswer(
            text="".join(self.texts),
            tool_calls=tool_calls(
                ((call.id, call.name, "".join(call.arguments)) for _, call in sorted(self.calls.items())),
                cut=finish == "length",
            ),
            usage=_usage(self.usage),
            finish="refusal" if self.refused else finish,
            model=self.model,
            vendor_request_id=self.request_id,
        )


def _usage(usage: Any) -> Usage:
    prompt = getattr(usage, "prompt_tokens_details", None)
    completion = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input_tokens=whole(getattr(usage, "prompt_tokens", None), "prompt_tokens"),
        output_tokens=whole(getattr(usage, "completion_tokens", None), "completion_tokens"),
        cache_read_tokens=getattr(prompt, "cached_tokens", None) or 0,
        cache_write_tokens=getattr(prompt, "cache_write_tokens", None) or 0,
        reasoning_tokens=getattr(completion, "reasoning_tokens", None) or 0,
    )


def _timeout(seconds: float) -> Any:
    import httpx2

    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT_S, seconds))


def _generation(model: str) -> tuple[int, int]:
    found = _GENERATION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def _takes_temperature(model: str) -> bool:
    return _generation(model) < (5, 0) and re.match(r"o\d", model) is None


def _turn(message: Message) -> Body:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": call_id(message.tool_call_id or ""), "content": message.text}
    turn: Body = {"role": message.role, "content": message.text}
    if message.tool_calls:
        turn["tool_calls"] = [
            {
                "id": call_id(call.id),
                "type": "function",
                "function": {
                    "name": call.name,
                    "arguments": json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":")),
                },
            }
            for call in message.tool_calls
        ]
    return turn
