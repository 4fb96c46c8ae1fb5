"""Claude, through the `anthropic` SDK (Messages API)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Container
from dataclasses import dataclass, field
from typing import Any

from vapora.errors import InvalidRequestError
from vapora.llm.adapter import (
    PING_TIMEOUT_S,
    Body,
    Piece,
    UnusableAnswerError,
    VendorAdapter,
    arguments_of,
    call_id,
    compact,
    counted,
    finish_detail,
    finish_of,
    native_body,
    time_limit,
    tool_calls,
    without_natives,
)
from vapora.llm.protocol import Finish, Frame, Message, ModelAnswer, ModelRequest, TextDelta, ToolCall, Usage

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}


_OTHER_CONVERSATION = "bound to a different conversation"
_CACHED: Body = {"cache_control": {"type": "ephemeral"}}
# What an answer's blocks can be rebuilt from. One with others goes back as it came.
_PLAIN_BLOCKS = frozenset({"text", "tool_use"})


class AnthropicClient(VendorAdapter):
    """Four rules of the vendor's:

    - `temperature` is not sent: models from Opus 4.7 on refuse it, and SDK 2 has no such parameter;
    - models from Opus 5 on think by themselves, and an answer that asks for tools goes back with its signed thoughts,
      block for block as it came. A thought is bound to everything before it, so a conversation only grows at its end;
    - an image counts as 4,784 tokens at most from Opus 4.7 on: it is scaled down to 2,576 pixels on its long edge and
      to that many patches of 28 by 28 pixels (platform.claude.com/docs/en/build-with-claude/vision). It takes 5 MB of
      base64 and 8,000 pixels an edge. Images work best in front of the text that is about them;
    - a prefix that is marked is kept for 5 minutes: writing it costs 1.25 times its input, reading it a tenth or less.
      Only conversations with tools are marked, for only they come back; `pricing.worst_case` counts writes.
    """

    default_url = "https://api.anthropic.com"

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Thoughts that stand behind something else than when they were thought (another system prompt since an
        update, say) are refused, and nothing is billed: then it goes without them."""
        try:
            return await super().complete(request)
        except InvalidRequestError as refusal:
            if _OTHER_CONVERSATION not in refusal.message:
                raise
        return await super().complete(without_natives(request))

    def said(self, request: ModelRequest) -> Body:
        body: Body = {"messages": self._turns(request)}
        if request.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in request.tools
            ]
        if request.system and request.tools:
            # The tools stand before it in what is cached.
            body["system"] = [{"type": "text", "text": request.system} | _CACHED]
        elif request.system:
            body["system"] = request.system
        return body

    def settings(self, frame: Frame, *, stream: bool) -> Body:
        body: Body = {"max_tokens": frame.max_output_tokens, "model": frame.model}
        return body | ({"stream": True} if stream else {})

    def _turns(self, request: ModelRequest) -> list[Body]:
        """Results of one turn's calls must stand together in one user message, right after the calls."""
        turns: list[Body] = []
        own_ids: set[str] = set()  # of calls that go back as they came, so that their results keep the id too
        for message in request.messages:
            native = native_body(message, self.provider)
            if native is not None:
                own_ids |= {call.id for call in message.tool_calls}
            blocks = native or _blocks(message, own_ids)
            if not blocks:
                continue  # an empty text block is refused
            role = "assistant" if message.role == "assistant" else "user"
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"].extend(blocks)
            else:
                turns.append({"role": role, "content": blocks})
        if request.tools:
            # The last one for the next call to read, the one before it as what the last call wrote.
            for turn in [turn for turn in turns if turn["role"] == "user"][-2:]:
                turn["content"][-1] |= _CACHED
        return turns

    def _build(self) -> Any:
        import anthropic

        http = anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [self._inspect]})
        return anthropic.AsyncAnthropic(api_key=self._key, base_url=self._url, max_retries=0, http_client=http)

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        message = await sdk.messages.create(**self.body(request), timeout=time_limit(request.timeout_s))
        content = getattr(message, "content", None)
        if content is None and getattr(message, "stop_reason", None) is None:
            raise UnusableAnswerError("it holds no message")
        draft = _Draft(model=message.model or request.model, request_id=message._request_id)
        draft.take_end(message)
        draft.count(getattr(message, "usage", None))
        for index, block in enumerate(content or ()):
            draft.begin(index, block)
            if block.type == "text":
                draft.texts.append(block.text or "")
        return draft.answer()

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        return await sdk.messages.create(**self.body(request, stream=True), timeout=time_limit(request.timeout_s))

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
    blocks: dict[int, Body] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    thinking: int = 0

    def take_end(self, part: Any) -> None:
        """Why it stopped: in the message, or in the delta that ends a stream."""
        self.stop = part.stop_reason
        why = getattr(part, "stop_details", None)
        if finish_of(_FINISH, self.stop) not in ("stop", "tool"):
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
        elif event.type == "content_block_start":
            self.begin(event.index, event.content_block)
        elif event.type == "content_block_delta":
            return self._grow(event.index, event.delta)
        elif event.type == "message_delta":
            self.take_end(event.delta)
            self.count(event.usage)
        return ""

    def begin(self, index: int, block: Any) -> None:
        """A block, whole or as a stream begins it."""
        self.blocks[index] = block.model_dump(mode="json", exclude_unset=True)
        if block.type == "tool_use":
            self.calls[index] = ToolCall(id=block.id, name=block.name, arguments=block.input or {})

    def _grow(self, index: int, delta: Any) -> str:
        if delta.type == "input_json_delta":
            self.json_parts.setdefault(index, []).append(delta.partial_json)
        for kind in ("text", "thinking", "signature"):
            if delta.type == f"{kind}_delta" and index in self.blocks:
                block, piece = self.blocks[index], str(getattr(delta, kind))
                block[kind] = f"{block.get(kind) or ''}{piece}"
        if delta.type != "text_delta":
            return ""
        self.texts.append(delta.text)
        return str(delta.text)

    def native(self) -> str | None:
        if not self.calls or all(block.get("type") in _PLAIN_BLOCKS for block in self.blocks.values()):
            return None
        for index, parts in self.json_parts.items():
            self.blocks[index]["input"] = arguments_of("".join(parts))
        return compact([block for _, block in sorted(self.blocks.items())])

    def answer(self) -> ModelAnswer:
        finish = finish_of(_FINISH, self.stop)
        return ModelAnswer(
            text="".join(self.texts),
            tool_calls=tool_calls(
                ((call.id, call.name, self._json(index, call)) for index, call in sorted(self.calls.items())),
                cut=finish == "length",
            ),
            native=self.native() if finish == "tool" else None,
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


def _blocks(message: Message, own_ids: Container[str]) -> list[Body]:
    if message.role == "tool":
        raw = message.tool_call_id or ""
        result: Body = {"type": "tool_result", "tool_use_id": raw if raw in own_ids else call_id(raw)}
        return [result | {"content": message.text} | ({"is_error": True} if message.failed else {})]
    blocks: list[Body] = [
        {"type": "image", "source": {"type": "base64", "media_type": one.media_type, "data": one.data}}
        for one in message.images
    ]
    # A text of blanks is refused as an empty one is.
    if message.text.strip():
        blocks.append({"type": "text", "text": message.text})
    for call in message.tool_calls:
        blocks.append({"type": "tool_use", "id": call_id(call.id), "name": call.name, "input": call.arguments})
    return blocks
