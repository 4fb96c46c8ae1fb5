"""Gemini, through the `google-genai` SDK (Developer API, key authentication)."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vapora.llm.adapter import (
    CONNECT_TIMEOUT_S,
    MAX_CONNECTIONS,
    Body,
    Piece,
    UnusableAnswerError,
    VendorAdapter,
    call_id,
    counted,
    embedded,
    finish_detail,
    finish_of,
    made_call_id,
    tool_names,
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
    ToolCall,
    Usage,
)

_FINISH: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "SPII": "refusal",
    "LANGUAGE": "refusal",
    "MODEL_ARMOR": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
}
# Gemini's documented stand-in for a call that it did not make itself (the conversation began elsewhere).
_NO_SIGNATURE = base64.b64encode(b"skip_thought_signature_validator").decode()


# So an image counts as 1,120 tokens at most, for Gemini 3 and 4 (ai.google.dev/gemini-api/docs/media-resolution).
# It is their default today; said, it cannot become another one.
_RESOLUTION = "MEDIA_RESOLUTION_HIGH"


class GeminiClient(VendorAdapter):
    default_url = "https://generativelanguage.googleapis.com"
    _comma = len(", ")

    def wire(self, model: str) -> str:
        return self._wire if _wants_signatures(model) else f"{self._wire}/unsigned"

    def said(self, request: ModelRequest) -> Body:
        body: Body = {"contents": _turns(request)}
        if request.system:
            body["systemInstruction"] = {"parts": [{"text": request.system}], "role": "user"}
        if request.tools:
            declarations = [
                {
                    "description": tool.description,
                    "name": tool.name,
                    "parameters_json_schema": tool.parameters,  # so the SDK spells it on the wire
                }
                for tool in request.tools
            ]
            body["tools"] = [{"functionDeclarations": declarations}]
        return body

    def settings(self, frame: Frame, *, stream: bool) -> Body:
        """The same for both forms: streaming is another address here, not another body, and so is another model."""
        config: Body = {"maxOutputTokens": frame.max_output_tokens}
        if frame.temperature is not None:
            config["temperature"] = frame.temperature
        if frame.images:
            config["mediaResolution"] = _RESOLUTION
        return {"generationConfig": config}

    def _encoded(self, body: Body) -> bytes:
        return json.dumps(body).encode()  # as the SDK does: spaced, and ASCII only

    def _build(self) -> Any:
        import httpx2
        from google import genai
        from google.genai import types

        # An own client keeps the SDK off aiohttp (which Ray installs): its errors are a third family, and
        # without retry options that path repeats a dropped request by itself, which is billed twice.
        http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
            event_hooks={"request": [_bound_connecting], "response": [self._inspect]},
        )
        options = types.HttpOptions(
            base_url=self._url,
            httpx_async_client=http,
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        return genai.Client(api_key=self._key, vertexai=False, http_options=options), http

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        reply = await sdk[0].aio.models.generate_content(**self._arguments(request))
        draft = _Draft(request)
        draft.take(reply)
        return draft.answer()

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        parts: AsyncIterator[Any] = await sdk[0].aio.models.generate_content_stream(**self._arguments(request))
        # The SDK sends the request with the first step, so that step belongs to the opening.
        return await anext(parts), parts

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        part, parts = opened
        draft = _Draft(request)
        try:
            while part is not None:
                if text := draft.take(part):
                    yield TextDelta(text=text)
                part = await anext(parts, None)
            if draft.finish is not None:
                yield draft.answer()
        finally:
            await parts.aclose()

    def _arguments(self, request: ModelRequest) -> Body:
        """`body` in the SDK's own types. From JSON, because only so it reads a signature as base64."""
        from google.genai import types

        body = self.body(request)
        http = types.HttpOptions(timeout=max(1, int(request.timeout_s * 1000)))
        config = types.GenerateContentConfig(
            http_options=http,
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
            media_resolution=body["generationConfig"].get("mediaResolution"),
            system_instruction=request.system or None,
            tools=[types.Tool.model_validate(tool) for tool in body.get("tools", ())] or None,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        contents = [types.Content.model_validate_json(json.dumps(turn)) for turn in body["contents"]]
        return {"model": request.model, "contents": contents, "config": config}

    async def _embed(self, sdk: Any, request: EmbeddingRequest) -> Embedded:
        """How many tokens the texts are, this API does not say."""
        from google.genai import types

        config = types.EmbedContentConfig(output_dimensionality=request.dimensions)
        found = await sdk[0].aio.models.embed_content(model=request.model, contents=list(request.texts), config=config)
        vectors = [one.values or () for one in found.embeddings or ()]
        return embedded(request, vectors, None)

    async def _list_models(self, sdk: Any) -> None:
        await sdk[0].aio.models.list(config={"page_size": 1})

    async def _close(self, sdk: Any) -> None:
        await sdk[0].aio.aclose()
        await sdk[1].aclose()


@dataclass
class _Draft:
    """An answer as it arrives: a whole reply and a piece of a stream have the same form."""

    request: ModelRequest
    model: str = ""
    response_id: str | None = None
    finish: str | None = None
    detail: str = ""
    blocked: bool = False
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    usage: Any = None

    def take(self, reply: Any) -> str:
        """Takes a reply in; returns the text that it adds."""
        self.model = reply.model_version or self.model
        self.response_id = reply.response_id or self.response_id
        self.usage = reply.usage_metadata or self.usage
        feedback = reply.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            self.blocked, self.finish = True, str(feedback.block_reason.value)
            self.detail = finish_detail(f"prompt blocked, {self.finish}", feedback.block_reason_message)
        added: list[str] = []
        for candidate in (reply.candidates or ())[:1]:
            if candidate.finish_reason is not None and not self.blocked:
                self.finish = str(candidate.finish_reason.value)
                if self.finish != "STOP":
                    self.detail = finish_detail(self.finish, candidate.finish_message)
            for part in (candidate.content.parts if candidate.content is not None else None) or ():
                if part.function_call is not None:
                    self._call(part)
                elif part.text and not part.thought:
                    added.append(part.text)
        self.texts.extend(added)
        return "".join(added)

    def _call(self, part: Any) -> None:
        call = part.function_call
        signature = part.thought_signature
        self.calls.append(
            ToolCall(
                id=call.id or made_call_id(self.request, len(self.calls)),
                name=call.name,
                arguments=dict(call.args or {}),
                signature=base64.urlsafe_b64encode(signature).decode() if signature else None,
            )
        )

    def answer(self) -> ModelAnswer:
        if self.finish is None and not self.calls and not self.texts:
            raise UnusableAnswerError("it holds no candidate")
        return ModelAnswer(
            text="".join(self.texts),
            tool_calls=tuple(self.calls),
            usage=_usage(self.usage),
            finish=self._finish(),
            finish_detail=self.detail,
            model=self.model or self.request.model,
            vendor_request_id=self.response_id,
        )

    def _finish(self) -> Finish:
        if self.blocked:
            return "refusal"
        return "tool" if self.calls else finish_of(_FINISH, self.finish)


def _usage(usage: Any) -> Usage | None:
    """Thoughts are counted apart from the answer, and both are billed as output. A count of 0 is left out."""
    prompt = getattr(usage, "prompt_token_count", None)
    tools = getattr(usage, "tool_use_prompt_token_count", None) or 0
    answer = getattr(usage, "candidates_token_count", None) or 0
    thoughts = getattr(usage, "thoughts_token_count", None) or 0
    if prompt is None or min(prompt, tools, answer, thoughts) < 0:
        return None
    return counted(
        input_tokens=prompt + tools,
        output_tokens=answer + thoughts,
        cache_read_tokens=getattr(usage, "cached_content_token_count", None) or 0,
        reasoning_tokens=thoughts,
    )


async def _bound_connecting(request: Any) -> None:
    """The SDK sets one time limit for all phases; who cannot be connected to must be told apart sooner."""
    limits = dict(request.extensions.get("timeout") or {})
    given = limits.get("connect")
    limits["connect"] = CONNECT_TIMEOUT_S if given is None else min(given, CONNECT_TIMEOUT_S)
    request.extensions["timeout"] = limits


def _turns(request: ModelRequest) -> list[Body]:
    """Results of one turn's calls stand together in one user turn."""
    turns: list[Body] = []
    names = tool_names(request.messages)
    for message in request.messages:
        parts = _parts(message, names, request.model)
        role = "model" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"].extend(parts)
        elif parts:
            turns.append({"parts": parts, "role": role})
    return turns


def _wants_signatures(model: str) -> bool:
    return not model.startswith(("gemini-1", "gemini-2"))


def _parts(message: Message, names: Mapping[str, str], model: str) -> list[Body]:
    if message.role == "tool":
        raw = message.tool_call_id or ""
        name = message.tool_name or names.get(raw, "")
        said = {"error" if message.failed else "result": message.text}
        response = {"id": call_id(raw), "name": name, "response": said}
        return [{"functionResponse": response}]
    # `mime_type`: so the SDK spells it on the wire.
    parts: list[Body] = [{"inlineData": {"data": one.data, "mime_type": one.media_type}} for one in message.images]
    parts += [{"text": message.text}] if message.text else []
    foreign = bool(message.tool_calls) and not any(call.signature for call in message.tool_calls)
    for index, call in enumerate(message.tool_calls):
        part: Body = {"functionCall": {"id": call_id(call.id), "args": call.arguments, "name": call.name}}
        if call.signature:
            part["thoughtSignature"] = call.signature
        elif foreign and index == 0 and _wants_signatures(model):
            part["thoughtSignature"] = _NO_SIGNATURE
        parts.append(part)
    return parts
