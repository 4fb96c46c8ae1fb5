"""Claude, through the `anthropic` SDK (Messages API)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from vapora.llm.adapter import (
    CONNECT_TIMEOUT_S,
    PING_TIMEOUT_S,
    Body,
    Piece,
    UnusableAnswerError,
    VendorAdapter,
    call_id,
    counted,
    finish_detail,
    tool_calls,
)
from vapora.llm.protocol import Finish, Message, ModelAnswer, ModelRequest, Provider, TextDelta, ToolCall, Usage

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}


class AnthropicClient(VendorAdapter):
    """No `cache_control` is ever sent, so cache writes are not billed.

    `temperature` is not sent either: models from Opus 4.7 on refuse it, and SDK 2 has no such parameter.
    """

    provider = Provider.ANTHROPIC
    default_url = "https://api.anthropic.com"

    def body(self, request: ModelRequest, *, stream: bool = False) -> Body:
        body: Body = {
            "max_tokens": request.max_output_tokens,
            "messages": _turns(request.messages),
            "model": request.model,
        }
        if request.system:
            body["system"] = request.system
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in request.tools
            ]
        if stream:
            body["stream"] = True
        return body

    def _build(self) -> Any:
        import anthropic

        http = anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [self._inspect]})
        return anthropic.AsyncAnthropic(api_key=self._key, base_url=self._url, max_retries=0, http_client=http)

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        message = await sdk.messages.create(**self.body(request), timeout=_timeout(request.timeout_s))
        content = getattr(message, "content", None)
        if content is None and getattr(message, "stop_reason", None) is None:
            raise UnusableAnswerError("it holds no message")
        draft = _Draft(model=message.model or request.model, request_id=message._request_id)
        draft.take_end(message)
        draft.count(getattr(message, "usage", None))
        for index, block in enumerate(content or ()):
            if block.type == "text":
                draft.texts.append(block.text or "")
            elif block.type == "tool_use":
                draft.calls[index] = ToolCall(id=block.id, name=block.name, arguments=block.input)
        return draft.answer()

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        return await sdk.messages.create(**self.body(request, stream=True), timeout=_timeout(request.timeout_s))

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        draft = _Draft(model=request.model, request_id=opened.response.headers.get("request-id"))
        try:
            async for event in opened:
                if event.type == "message_stop":
                    yield draft.answer()
                    return
                if text := draft.take(event):
                    yield TextDelta(text=text)
        finally:
            await opened.close()

    async def _list_models(self, sdk: Any) -> None:
        await sdk.models.list(limit=1, timeout=PING_TIMEOUT_S)

    async def _close(self, sdk: Any) -> None:
        await sdk.close()


@dataclass
class _Draft:
    """An answer as it arrives, whole or in events."""

    model: str
    request_id: str | None = None
    stop: str | None = None
    detail: str = ""
    texts: list[str] = field(default_factory=list)
    calls: dict[int, ToolCall] = field(default_factory=dict)
    json_parts: dict[int, list[str]] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    thinking: int = 0

    def take_end(self, part: Any) -> None:
        """Why it stopped: in the message, or in the delta that ends a stream."""
        self.stop = part.stop_reason
        why = getattr(part, "stop_details", None)
        if _FINISH.get(self.stop or "") not in ("stop", "tool"):
            self.detail = finish_detail(self.stop, getattr(why, "explanation", None) or getattr(why, "category", None))

    def count(self, usage: Any) -> None:
        """Usage in a stream comes twice, cumulative: the later figure holds where there is one."""
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        ):
            value = getattr(usage, name, None)
            if value is not None:
                self.counts[name] = value
        details = getattr(usage, "output_tokens_details", None)
        self.thinking = getattr(details, "thinking_tokens", None) or self.thinking

    def take(self, event: Any) -> str:
        """Takes an event in; returns the text that it adds."""
        if event.type == "message_start":
            self.model = event.message.model
            self.count(event.message.usage)
        elif event.type == "content_block_start" and event.content_block.type == "tool_use":
            block = event.content_block
            self.calls[event.index] = ToolCall(id=block.id, name=block.name, arguments=block.input or {})
        elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            self.json_parts.setdefault(event.index, []).append(event.delta.partial_json)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            self.texts.append(event.delta.text)
            return str(event.delta.text)
        elif event.type == "message_delta":
            self.take_end(event.delta)
            self.count(event.usage)
        return ""

    def answer(self) -> ModelAnswer:
        finish = _FINISH.get(self.stop or "", "other")
        return ModelAnswer(
            text="".join(self.texts),
            tool_calls=tool_calls(
                ((call.id, call.name, self._json(index, call)) for index, call in sorted(self.calls.items())),
                cut=finish == "length",
            ),
            usage=self._usage(),
            finish=finish,
            finish_detail=self.detail,
            model=self.model,
            vendor_request_id=self.request_id,
        )

    def _json(self, index: int, call: ToolCall) -> str:
        """A stream gives the arguments in pieces of JSON, a whole answer as an object."""
        return "".join(self.json_parts.get(index, [])) or json.dumps(call.arguments)

    def _usage(self) -> Usage | None:
        read = self.counts.get("cache_read_input_tokens") or 0
        written = self.counts.get("cache_creation_input_tokens") or 0
        new = self.counts.get("input_tokens")
        cached = counted(input_tokens=new, output_tokens=0, cache_read_tokens=read, cache_write_tokens=written)
        if cached is None or new is None:
            return None
        return counted(
            # Theirs counts only what was neither read from the cache nor written to it.
            input_tokens=new + read + written,
            output_tokens=self.counts.get("output_tokens"),
            cache_read_tokens=read,
            cache_write_tokens=written,
            reasoning_tokens=self.thinking,
        )


def _timeout(seconds: float) -> Any:
    import httpx2

    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT_S, seconds))


def _turns(messages: tuple[Message, ...]) -> list[Body]:
    """Results of one turn's calls must stand together in one user message, right after the calls."""
    turns: list[Body] = []
    for message in messages:
        blocks = _blocks(message)
        if not blocks:
            continue  # an empty text block is refused
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"].extend(blocks)
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[Body]:
    if message.role == "tool":
        result = {"type": "tool_result", "tool_use_id": call_id(message.tool_call_id or "")}
        return [{**result, "content": message.text}]
    blocks: list[Body] = [{"type": "text", "text": message.text}] if message.text else []
    for call in message.tool_calls:
        blocks.append({"type": "tool_use", "id": call_id(call.id), "name": call.name, "input": call.arguments})
    return blocks
