"""OpenAI's Chat Completions on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vapora.llm.protocol import Provider, Usage
from vapora.testing.wire.dialects import UNKNOWN_MODEL, Refusal, sse, waits
from vapora.testing.wire.script import Answer, Fault

_INVALID = "invalid_request_error"
_ERRORS: dict[str, tuple[int, str, str | None, str]] = {
    Fault.RATE_LIMITED: (
        429,
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached. Please try again in 3s.",
    ),
    Fault.OVERLOADED: (
        503,
        "server_error",
        None,
        "The engine is currently overloaded, please try again later.",
    ),
    Fault.SERVER_ERROR: (500, "server_error", None, "The server had an error while processing your request."),
    Fault.AUTHENTICATION: (401, _INVALID, "invalid_api_key", "Incorrect API key provided: {key}."),
    Fault.FORBIDDEN: (403, _INVALID, "model_not_found", "Project does not have access to this model."),
    Fault.OUT_OF_CREDIT: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Fault.CONTEXT_TOO_LONG: (
        400,
        _INVALID,
        "context_length_exceeded",
        "This model's maximum context length is 400000 tokens.",
    ),
    Fault.INVALID_REQUEST: (400, _INVALID, "unsupported_value", "Unsupported value: 'temperature'."),
    UNKNOWN_MODEL: (404, _INVALID, "model_not_found", "The model does not exist."),
}
_STOP = {"stop": "stop", "length": "length", "tool": "tool_calls"}


class OpenAIDialect:
    provider = Provider.OPENAI
    stream_media_type = "text/event-stream"
    ask_path = "/v1/chat/completions"
    list_path = "/v1/models"

    def key_in(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def model_of(self, path: str, body: dict[str, Any]) -> str:
        return str(body.get("model", ""))

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream"))

    def limit_of(self, body: dict[str, Any]) -> int | None:
        return body.get("max_completion_tokens") or body.get("max_tokens")

    def objection(self, body: dict[str, Any]) -> str:
        owed: list[str] = []
        for turn in body.get("messages") or []:
            if turn["role"] == "tool":
                if turn["tool_call_id"] not in owed:
                    return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                owed.remove(turn["tool_call_id"])
                continue
            if owed:
                break
            owed = [call["id"] for call in turn.get("tool_calls") or ()]
        return f"The following tool_call_ids did not have response messages: {', '.join(owed)}" if owed else ""

    def refusal(self, fault: Fault | str, key: str, retry_after_s: float | None, said: str = "") -> Refusal:
        status, kind, code, message = _ERRORS[fault]
        error = {"message": said or message.format(key=key), "type": kind, "param": None, "code": code}
        return Refusal(status, {"error": error}, waits(retry_after_s))

    def whole(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
        if answer.thoughts:
            message["reasoning_content"] = answer.thoughts  # as compatible servers call it
        if answer.tool_calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": _function(call.name, call.arguments)}
                for call in answer.tool_calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": _STOP[answer.finish]}
        head = _head(answer, "chat.completion")
        return head | {"choices": [choice], "usage": _usage(answer.usage)}

    def pieces(self, answer: Answer) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": word} for word in answer.thoughts.split("\n") if word]
        deltas += [{"content": word} for word in answer.words()]
        for index, call in enumerate(answer.tool_calls):
            function = _function(call.name, call.arguments)
            text = function["arguments"]
            first = {"index": index, "id": call.id, "type": "function"}
            deltas.append({"tool_calls": [first | {"function": {"name": call.name, "arguments": ""}}]})
            deltas += [
                {"tool_calls": [{"index": index, "function": {"arguments": part}}]} for part in (text[:5], text[5:])
            ]
        head = _head(answer, "chat.completion.chunk")
        chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": _STOP[answer.finish]}]})
        chunks.append(head | {"choices": [], "usage": _usage(answer.usage)})
        return [sse(chunk) for chunk in chunks] + [sse("[DONE]")]

    def headers(self, call_id: str) -> dict[str, str]:
        return {"x-request-id": call_id}

    def models(self) -> dict[str, Any]:
        item = {"id": "gpt-6.1-sol", "object": "model", "created": 1, "owned_by": "fake"}
        return {"object": "list", "data": [item]}


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer.call_id}", "object": kind, "created": 1, "model": answer.model}


def _function(name: str, arguments: Mapping[str, Any]) -> dict[str, str]:
    return {"name": name, "arguments": json.dumps(arguments)}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
