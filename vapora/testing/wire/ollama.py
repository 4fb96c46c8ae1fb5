"""Ollama's chat on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vapora.llm.protocol import Provider
from vapora.testing.wire.dialects import UNKNOWN_MODEL, Refusal, waits
from vapora.testing.wire.script import Answer, Fault

_ERRORS: dict[str, tuple[int, str]] = {
    Fault.RATE_LIMITED: (429, "too many requests"),
    Fault.OVERLOADED: (503, "server busy, please try again. maximum pending requests exceeded"),
    Fault.SERVER_ERROR: (500, "llama runner process has terminated"),
    Fault.AUTHENTICATION: (401, "unauthorized: {key}"),
    Fault.FORBIDDEN: (403, "forbidden"),
    Fault.OUT_OF_CREDIT: (402, "this model needs a subscription"),
    Fault.CONTEXT_TOO_LONG: (400, "the request exceeds the available context size"),
    Fault.INVALID_REQUEST: (400, "this model does not support tools"),
    UNKNOWN_MODEL: (404, "model not found"),
}


class OllamaDialect:
    provider = Provider.OLLAMA
    stream_media_type = "application/x-ndjson"
    ask_path = "/api/chat"
    list_path = "/api/tags"

    def key_in(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def model_of(self, path: str, body: dict[str, Any]) -> str:
        return str(body.get("model", ""))

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream", True))

    def limit_of(self, body: dict[str, Any]) -> int | None:
        return (body.get("options") or {}).get("num_predict")

    def objection(self, body: dict[str, Any]) -> str:
        return ""  # it takes whatever the model's template takes

    def refusal(self, fault: Fault | str, key: str, retry_after_s: float | None, said: str = "") -> Refusal:
        status, message = _ERRORS[fault]
        return Refusal(status, {"error": said or message.format(key=key)}, waits(retry_after_s))

    def whole(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.thoughts:
            message["thinking"] = answer.thoughts
        if answer.tool_calls:
            message["tool_calls"] = _calls(answer)
        return _head(answer) | {"message": message} | _end(answer)

    def pieces(self, answer: Answer) -> list[bytes]:
        messages: list[dict[str, Any]] = [{"role": "assistant", "content": "", "thinking": answer.thoughts}]
        messages += [{"role": "assistant", "content": word} for word in answer.words()]
        if answer.tool_calls:
            messages.append({"role": "assistant", "content": "", "tool_calls": _calls(answer)})
        lines = [_head(answer) | {"message": message, "done": False} for message in messages]
        lines.append(_head(answer) | {"message": {"role": "assistant", "content": ""}} | _end(answer))
        return [json.dumps(line).encode() + b"\n" for line in lines]

    def headers(self, call_id: str) -> dict[str, str]:
        return {}

    def models(self) -> dict[str, Any]:
        return {"models": [{"model": "fake:latest"}]}


def _head(answer: Answer) -> dict[str, Any]:
    return {"model": answer.model, "created_at": "2026-01-01T00:00:00Z"}


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [{"function": {"name": call.name, "arguments": call.arguments}} for call in answer.tool_calls]


def _end(answer: Answer) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "length" if answer.finish == "length" else "stop",
        "prompt_eval_count": answer.usage.input_tokens,
        "eval_count": answer.usage.output_tokens,
    }
