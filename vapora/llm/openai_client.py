"""GPT, through the `openai` SDK (Chat Completions, which every compatible server speaks too)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from vapora.llm import replies
from vapora.llm.adapter import (
    PING_TIMEOUT_S,
    Body,
    Piece,
    UnusableAnswerError,
    VendorAdapter,
    call_id,
    compact,
    counted,
    embedded,
    finish_detail,
    finish_of,
    functions,
    made_call_id,
    native_body,
    result_text,
    time_limit,
    tool_calls,
)
from vapora.llm.protocol import (
    Embedded,
    EmbeddingRequest,
    Finish,
    Frame,
    Message,
    ModelAnswer,
    ModelRequest,
    TextDelta,
    Usage,
)
from vapora.llm.thoughts import Thoughts

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "refusal",
    # Words of compatible servers.
    "max_tokens": "length",
    "refusal": "refusal",
    "safety": "refusal",
}
# Thoughts under the names of compatible servers, which some of them want back with an answer that asks for tools.
_THOUGHTS = ("reasoning_content", "reasoning_details")
_GENERATION = re.compile(r"gpt-(\d+)(?:\.(\d+))?")


class OpenAIClient(VendorAdapter):
    """An image is sent with `detail: high`. Then it is scaled down to 2,500 patches of 32 by 32 pixels, each 1.2 tokens
    from GPT-5.4 on: 3,000 tokens at most. Without it, GPT-6 takes it as it is, and counts up to five times as many
    (developers.openai.com/api/docs/guides/images-vision).

    Two rules of the vendor's that only its 400s tell:

    - gpt-5.6 and later refuse tools in this API unless `reasoning_effort` is `none`, even unset; models that refuse
      `none` as well are marked in the catalogue as having no tools;
    - gpt-5 and later, and the o family, refuse any temperature but their own, so it is not sent to them.
    """

    default_url = "https://api.openai.com/v1"
    limit_name = "max_completion_tokens"

    def said(self, request: ModelRequest) -> Body:
        system = [{"role": "system", "content": request.system}] if request.system else []
        body: Body = {"messages": system + [self._turn(message) for message in request.messages]}
        if request.tools:
            body["tools"] = functions(request.tools)
        return body

    def settings(self, frame: Frame, *, stream: bool) -> Body:
        body: Body = {"model": frame.model, self.limit_name: frame.max_output_tokens}
        if frame.temperature is not None and _takes_temperature(frame.model):
            body["temperature"] = frame.temperature
        if frame.tools and _generation(frame.model) >= (5, 6):
            body["reasoning_effort"] = "none"
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return body

    def _turn(self, message: Message) -> Body:
        if message.role == "tool":
            answered = {"tool_call_id": call_id(message.tool_call_id or "")}
            return {"role": "tool"} | answered | {"content": result_text(message)}
        turn: Body = {"role": message.role, "content": _content(message)}
        if message.tool_calls:
            turn["tool_calls"] = [
                {
                    "id": call_id(call.id),
                    "type": "function",
                    "function": {"name": call.name, "arguments": compact(call.arguments)},
                }
                for call in message.tool_calls
            ]
        return turn | (native_body(message, self.provider) or {})

    def _build(self) -> Any:
        import openai

        http = openai.DefaultAsyncHttpxClient(event_hooks={"response": [self._inspect]})
        return openai.AsyncOpenAI(api_key=self._key, base_url=self._url, max_retries=0, http_client=http)

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        completion = await sdk.chat.completions.create(**self.body(request), timeout=time_limit(request.timeout_s))
        choice = _choice(completion)
        draft = _Draft(request, request.model, completion._request_id)
        draft.take_head(completion)
        draft.finish = choice.finish_reason
        draft.take(choice.message)
        return draft.answer()

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        body = self.body(request, stream=True)
        return await sdk.chat.completions.create(**body, timeout=time_limit(request.timeout_s))

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        draft = _Draft(request, request.model, opened.response.headers.get("x-request-id"))
        try:
            async for chunk in opened:
                draft.take_head(chunk)
                for choice in chunk.choices:
                    draft.finish = choice.finish_reason or draft.finish
                    if text := draft.take(choice.delta):
                        yield TextDelta(text=text)
            if text := draft.rest():
                yield TextDelta(text=text)
            if draft.finish is not None:
                yield draft.answer()
        finally:
            await opened.close()

    async def _embed(self, sdk: Any, request: EmbeddingRequest) -> Embedded:
        """As numbers: left to itself the SDK asks for base64, which not every compatible server knows."""
        body: Body = {"model": request.model, "input": list(request.texts), "encoding_format": "float"}
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        found = await sdk.embeddings.create(**body, timeout=time_limit(request.timeout_s))
        vectors = [one.embedding for one in sorted(found.data, key=lambda one: int(one.index))]
        return embedded(request, vectors, getattr(found.usage, "prompt_tokens", None))

    async def _list_models(self, sdk: Any) -> None:
        await sdk.models.list(timeout=PING_TIMEOUT_S)

    async def _close(self, sdk: Any) -> None:
        await sdk.close()


class CompatibleClient(OpenAIClient):
    """Any other server that speaks this API. Not all of them know OpenAI's newer name of the limit."""

    limit_name = "max_tokens"


@dataclass
class _Call:
    """A tool call in pieces: id and name come with the first one, the arguments bit by bit."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


@dataclass
class _Draft:
    """An answer as it arrives. A whole message and a delta have the same fields, so both go through `take`."""

    request: ModelRequest
    model: str
    request_id: str | None = None
    finish: str | None = None
    texts: list[str] = field(default_factory=list)
    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Any = None
    refusal: str = ""
    thoughts: Thoughts = field(default_factory=Thoughts)
    fields: Body = field(default_factory=dict)

    def take_head(self, chunk: Any) -> None:
        self.model = chunk.model or self.model
        self.usage = getattr(chunk, "usage", None) or self.usage

    def take(self, part: Any) -> str:
        """Takes in a message or a delta; returns the text that it adds."""
        self.refusal += getattr(part, "refusal", None) or ""
        for name in _THOUGHTS:
            piece = getattr(part, name, None)
            if piece and isinstance(piece, str | list):
                self.fields[name] = self.fields.get(name, type(piece)()) + piece
        for position, piece in enumerate(getattr(part, "tool_calls", None) or ()):
            index = getattr(piece, "index", None)
            call = self.calls.setdefault(position if index is None else index, _Call())
            call.id = piece.id or call.id
            if piece.function is not None:
                call.name = piece.function.name or call.name
                call.arguments.append(piece.function.arguments or "")
        text = self.thoughts.take(_text(getattr(part, "content", None)))
        self.texts.append(text)
        return text

    def rest(self) -> str:
        """At the end: what was held back as a possible beginning of thoughts."""
        text = self.thoughts.rest()
        self.texts.append(text)
        return text

    def answer(self) -> ModelAnswer:
        self.rest()
        finish = "refusal" if self.refusal else finish_of(_FINISH, self.finish)
        calls = tool_calls(
            (
                (call.id or made_call_id(self.request, index), call.name, "".join(call.arguments))
                for index, call in sorted(self.calls.items())
            ),
            cut=finish == "length",
        )
        return ModelAnswer(
            text="".join(self.texts),
            tool_calls=calls,
            native=compact(self.fields) if calls and self.fields else None,
            usage=_usage(self.usage),
            finish=finish,
            finish_detail="" if finish in ("stop", "tool") else finish_detail(self._word(), self.refusal),
            model=self.model,
            vendor_request_id=self.request_id,
        )

    def _word(self) -> str | None:
        """A refusal in words ends with `stop` like any answer."""
        return "refusal" if self.refusal and self.finish == "stop" else self.finish


def _content(message: Message) -> str | list[Body]:
    if not message.images:
        return message.text
    parts: list[Body] = [
        {"type": "image_url", "image_url": {"url": f"data:{one.media_type};base64,{one.data}", "detail": "high"}}
        for one in message.images
    ]
    return [*parts, {"type": "text", "text": message.text}]


def _choice(completion: Any) -> Any:
    """The answer's one choice. Gateways leave it out, or put an error in its place."""
    choices = getattr(completion, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    if said := replies.sentence(getattr(choice, "error", None)):
        raise UnusableAnswerError(said)
    if choice is None or getattr(choice, "message", None) is None:
        raise UnusableAnswerError("it holds no message")
    return choice


def _text(content: object) -> str:
    """Some compatible servers send a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def _usage(usage: Any) -> Usage | None:
    prompt = getattr(usage, "prompt_tokens_details", None)
    completion = getattr(usage, "completion_tokens_details", None)
    return counted(
        input_tokens=getattr(usage, "prompt_tokens", None),
        output_tokens=getattr(usage, "completion_tokens", None),
        cache_read_tokens=getattr(prompt, "cached_tokens", None) or 0,
        cache_write_tokens=getattr(prompt, "cache_write_tokens", None) or 0,
        reasoning_tokens=getattr(completion, "reasoning_tokens", None) or 0,
    )


def _generation(model: str) -> tuple[int, int]:
    found = _GENERATION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def _takes_temperature(model: str) -> bool:
    return _generation(model) < (5, 0) and re.match(r"o\d", model) is None
