"""Anthropic's Messages API on the wire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from vapora.llm.protocol import Provider, Usage
from vapora.testing.wire.dialects import UNKNOWN_MODEL, Refusal, sse, waits
from vapora.testing.wire.script import Answer, Fault

_ERRORS: dict[str, tuple[int, str, str]] = {
    Fault.RATE_LIMITED: (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit.",
    ),
    Fault.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Fault.SERVER_ERROR: (500, "api_error", "Internal server error"),
    Fault.AUTHENTICATION: (401, "authentication_error", "invalid x-api-key: {key}"),
    Fault.FORBIDDEN: (403, "permission_error", "Your API key may not use this resource."),
    Fault.OUT_OF_CREDIT: (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
    ),
    Fault.CONTEXT_TOO_LONG: (
        400,
        "invalid_request_error",
        "prompt is too long: 1000007 tokens > 1000000 maximum",
    ),
    Fault.INVALID_REQUEST: (400, "invalid_request_error", "messages: at least one message is required"),
    UNKNOWN_MODEL: (404, "not_found_error", "model: not found"),
}
_STOP = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}


class AnthropicDialect:
    provider = Provider.ANTHROPIC
    stream_media_type = "text/event-stream"
    ask_path = "/v1/messages"
    list_path = "/v1/models"

    def key_in(self, headers: Mapping[str, str]) -> str:
        # SDK 2 sends its key as a bearer token; before, and in most other clients, it is x-api-key.
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    def model_of(self, path: str, body: dict[str, Any]) -> str:
        return str(body.get("model", ""))

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        return bool(body.get("stream"))

    def limit_of(self, body: dict[str, Any]) -> int | None:
        return body.get("max_tokens")

    def objection(self, body: dict[str, Any]) -> str:
        turns = body.get("messages") or []
        for index, turn in enumerate(turns):
            blocks = turn["content"] if isinstance(turn["content"], list) else []
            after = turns[index + 1]["content"] if index + 1 < len(turns) else []
            results = {block.get("tool_use_id") for block in after if block["type"] == "tool_result"}
            for block in blocks:
                if block["type"] == "tool_use" and block["id"] not in results:
                    return f"messages.{index}: `tool_use` ids were found without `tool_result` blocks: {block['id']}."
                if block["type"] == "text" and not block["text"].strip():
                    return f"messages.{index}: text content blocks must contain non-whitespace text"
                if block["type"] == "thinking" and block["signature"] != _seal(body, turns[:index]):
                    return f"messages.{index}: The block is bound to a different conversation."
        return ""

    def refusal(self, fault: Fault | str, key: str, retry_after_s: float | None, said: str = "") -> Refusal:
        status, kind, message = _ERRORS[fault]
        error = {"type": kind, "message": said or message.format(key=key)}
        return Refusal(status, {"type": "error", "error": error}, waits(retry_after_s))

    def whole(self, answer: Answer) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.thoughts:
            signature = _seal(answer.request, answer.request["messages"])
            content.append({"type": "thinking", "thinking": "", "signature": signature})
        if answer.text:
            content.append({"type": "text", "text": answer.text})
        for call in answer.tool_calls:
            content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
        return {
            "id": f"msg_{answer.call_id}",
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": content,
            "stop_reason": _STOP[answer.finish],
            "stop_sequence": None,
            "usage": _usage(answer.usage),
        }

    def pieces(self, answer: Answer) -> list[bytes]:
        start = self.whole(answer) | {"content": [], "stop_reason": None}
        start["usage"] = _usage(answer.usage) | {"output_tokens": 1}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
        index = 0
        if answer.thoughts:
            thought: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
            seal = _seal(answer.request, answer.request["messages"])
            events += _block(index, thought, [{"type": "signature_delta", "signature": seal}])
            index += 1
        if answer.text:
            deltas = [{"type": "text_delta", "text": word} for word in answer.words()]
            events += _block(index, {"type": "text", "text": ""}, deltas)
            index += 1
        for call in answer.tool_calls:
            text = json.dumps(call.arguments)
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:5], text[5:])]
            block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            events += _block(index, block, deltas)
            index += 1
        stop = {"stop_reason": _STOP[answer.finish], "stop_sequence": None}
        usage = {"output_tokens": answer.usage.output_tokens}
        events += [{"type": "message_delta", "delta": stop, "usage": usage}, {"type": "message_stop"}]
        return [sse(event, event["type"]) for event in events]

    def headers(self, call_id: str) -> dict[str, str]:
        return {"request-id": call_id}

    def models(self) -> dict[str, Any]:
        item = {
            "type": "model",
            "id": "claude-opus-5-5",
            "display_name": "fake",
            "created_at": "2026-01-01T00:00:00Z",
        }
        return {"data": [item], "has_more": False, "first_id": item["id"], "last_id": item["id"]}


def _seal(body: Mapping[str, Any], turns: list[Any]) -> str:
    """The signature of thoughts: it binds them to all that stands before them, but for the marks of the cache."""
    system = body.get("system") or ""
    if isinstance(system, list):
        system = "".join(block["text"] for block in system)
    before = json.dumps([_unmarked(body.get("tools")), system, _unmarked(turns)], sort_keys=True)
    return hashlib.sha256(before.encode()).hexdigest()


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unmarked(one) for name, one in value.items() if name != "cache_control"}
    return [_unmarked(one) for one in value] if isinstance(value, list) else value


def _usage(usage: Usage) -> dict[str, Any]:
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    return {
        "input_tokens": usage.input_tokens - cached,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
    }


def _block(index: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]
