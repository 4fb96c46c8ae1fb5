"""Local models, through the `ollama` SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

from vapora.errors import ProviderError
from vapora.llm.adapter import (
    CONNECT_TIMEOUT_S,
    MAX_CONNECTIONS,
    Body,
    Piece,
    UnusableAnswerError,
    VendorAdapter,
    counted,
    embedded,
    finish_detail,
    finish_of,
    functions,
    made_call_id,
    result_text,
    tool_names,
)
from vapora.llm.protocol import (
    Capabilities,
    Embedded,
    EmbeddingRequest,
    Finish,
    Frame,
    Message,
    ModelAnswer,
    ModelRequest,
    TextDelta,
    ToolCall,
)
from vapora.llm.thoughts import Thoughts, without_thoughts

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}


# The server's own default would cut a long prompt off without a word. Powers of two, since it loads the model anew
# for each size it is asked for.
_SMALLEST_CONTEXT = 4_096
_LARGEST_CONTEXT = 131_072
# Of an image: Llama 3.2 Vision has 6,404 at most, four tiles of 1,601.
_IMAGE_TOKENS = 6_404


def _context(frame: Frame) -> int:
    """Tokens that hold the prompt, at two bytes a token and 1,000 for the rest, its images, and the answer."""
    wanted = frame.prompt_bytes // 2 + frame.images * _IMAGE_TOKENS + 1_000 + frame.max_output_tokens
    return min(max(_SMALLEST_CONTEXT, 1 << (wanted - 1).bit_length()), _LARGEST_CONTEXT)


class OllamaClient(VendorAdapter):
    """Costs nothing, needs no key, and names no tool calls: their ids are made here."""

    default_url = "http://127.0.0.1:11434"
    # `false` is a byte longer than `true`.
    larger_streamed = False

    def said(self, request: ModelRequest) -> Body:
        system = [{"role": "system", "content": request.system}] if request.system else []
        names = tool_names(request.messages)
        body: Body = {"messages": system + [_turn(message, names) for message in request.messages]}
        if request.tools:
            body["tools"] = functions(request.tools)
        return body

    def settings(self, frame: Frame, *, stream: bool) -> Body:
        options: Body = {"num_predict": frame.max_output_tokens, "num_ctx": _context(frame)}
        if frame.temperature is not None:
            options["temperature"] = frame.temperature
        return {"model": frame.model, "stream": stream, "options": options}

    def _telling(self, frame: Frame) -> tuple[object, ...]:
        return *super()._telling(frame), _context(frame)

    def _build(self) -> Any:
        import httpx
        import ollama

        return ollama.AsyncClient(
            host=self._url,
            # Ours is the deadline of the whole call; the SDK takes none for a single call.
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
            event_hooks={"response": [self._inspect]},
            headers={"authorization": f"Bearer {self._key}"} if self._key else None,
        )

    def _advised(self, failure: ProviderError, response: Any) -> ProviderError:
        """The two refusals that a newcomer meets first, with what to do."""
        said = failure.message.lower()
        if response.status_code == 404 and response.request.method == "POST" and "model" in said:
            model = json.loads(response.request.content)["model"]
            failure.remedy = f"Run `ollama pull {model}`, or set VAPORA_OLLAMA_MODEL to one that `ollama list` shows."
        elif "memory" in said:
            failure.remedy = "Free memory there, or set VAPORA_OLLAMA_MODEL to a smaller model."
        return failure

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        reply = await self._chat(sdk, self.body(request), stream=False)
        text = without_thoughts(reply.message.content or "")
        return _answer(reply, text, list(reply.message.tool_calls or ()), request)

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        parts: AsyncIterator[Any] = await self._chat(sdk, self.body(request, stream=True), stream=True)
        # The SDK sends the request with the first step, so that step belongs to the opening.
        return await anext(parts), parts

    async def _chat(self, sdk: Any, body: Body, *, stream: bool) -> Any:
        """`AsyncClient.chat` without its models of the request.

        They drop what they do not know from a tool's schema (nested properties, additionalProperties,
        minimum), so the model would be shown another tool than ours.
        """
        from ollama import ChatResponse

        return await sdk._request(ChatResponse, "POST", "/api/chat", json=body, stream=stream)

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        part, parts = opened
        texts: list[str] = []
        calls: list[Any] = []
        thoughts = Thoughts()
        try:
            while True:
                calls.extend(part.message.tool_calls or ())
                text = thoughts.take(part.message.content or "")
                if part.done:
                    text += thoughts.rest()
                if text:
                    texts.append(text)
                    yield TextDelta(text=text)
                if part.done:
                    yield _answer(part, "".join(texts), calls, request)
                    return
                if (part := await anext(parts, None)) is None:
                    return
        finally:
            await parts.aclose()

    async def _embed(self, sdk: Any, request: EmbeddingRequest) -> Embedded:
        """A text that is longer than the model reads is cut there."""
        found = await sdk.embed(model=request.model, input=list(request.texts), dimensions=request.dimensions)
        return embedded(request, found.embeddings, found.prompt_eval_count)

    async def _list_models(self, sdk: Any) -> None:
        await sdk.list()

    async def _show(self, sdk: Any, model: str) -> Capabilities:
        """Old servers do not list what a model can do."""
        told = await sdk.show(model)
        info = told.modelinfo or {}
        sizes = [value for name, value in info.items() if name.endswith(".context_length") and isinstance(value, int)]
        able = told.capabilities
        tools, vision = (None, None) if able is None else ("tools" in able, "vision" in able)
        return Capabilities(tools=tools, vision=vision, context_tokens=max(sizes, default=0) or None)

    async def _close(self, sdk: Any) -> None:
        await sdk.close()


def _answer(last: Any, text: str, calls: list[Any], request: ModelRequest) -> ModelAnswer:
    """`last` carries the counts. Ollama leaves out a count that is 0, such as a prompt that it had cached."""
    if not last.done:
        raise UnusableAnswerError("it is not marked as done")
    finish = "tool" if calls else finish_of(_FINISH, last.done_reason)
    return ModelAnswer(
        text=text,
        tool_calls=tuple(
            ToolCall(
                id=made_call_id(request, index),
                name=call.function.name,
                arguments=dict(call.function.arguments),
            )
            for index, call in enumerate(calls)
        ),
        usage=counted(input_tokens=last.prompt_eval_count or 0, output_tokens=last.eval_count or 0),
        finish=finish,
        finish_detail="" if finish in ("stop", "tool") else finish_detail(last.done_reason),
        model=last.model or request.model,
    )


def _turn(message: Message, names: Mapping[str, str]) -> Body:
    if message.role == "tool":
        name = message.tool_name or names.get(message.tool_call_id or "", "")
        return {"role": "tool", "content": result_text(message), "tool_name": name}
    turn: Body = {"role": message.role, "content": message.text}
    if message.images:
        turn["images"] = [one.data for one in message.images]
    if message.tool_calls:
        turn["tool_calls"] = [
            {"function": {"name": call.name, "arguments": call.arguments}} for call in message.tool_calls
        ]
    return turn
