"""Google's generateContent on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vapora.llm.protocol import Provider, ToolCall, Usage
from vapora.testing.wire.dialects import UNKNOWN_MODEL, Refusal, sse
from vapora.testing.wire.script import Answer, Fault

_RPC = "type.googleapis.com/google.rpc"
_ERRORS: dict[str, tuple[int, str, str, str | None]] = {
    Fault.RATE_LIMITED: (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        None,
    ),
    Fault.OVERLOADED: (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", None),
    Fault.SERVER_ERROR: (500, "INTERNAL", "An internal error has occurred.", None),
    # Google refuses a wrong key with 400, not 401.
    Fault.AUTHENTICATION: (
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key. ({key})",
        "API_KEY_INVALID",
    ),
    Fault.FORBIDDEN: (403, "PERMISSION_DENIED", "The caller does not have permission.", None),
    Fault.OUT_OF_CREDIT: (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", None),
    Fault.CONTEXT_TOO_LONG: (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1048999) exceeds the maximum number of tokens allowed (1048576).",
        None,
    ),
    Fault.INVALID_REQUEST: (400, "INVALID_ARGUMENT", "Request contains an invalid argument.", None),
    UNKNOWN_MODEL: (404, "NOT_FOUND", "The model is not found for API version v1beta.", None),
}
_STOP = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"}


class GeminiDialect:
    provider = Provider.GEMINI
    stream_media_type = "text/event-stream"
    ask_path = "/{version}/models/{call}"  # v1 since SDK 3, v1beta before
    list_path = "/{version}/models"

    def key_in(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key", "")

    def model_of(self, path: str, body: dict[str, Any]) -> str:
        return path.rpartition("/")[2].partition(":")[0]

    def streams(self, path: str, body: dict[str, Any]) -> bool:
        return path.endswith(":streamGenerateContent")

    def limit_of(self, body: dict[str, Any]) -> int | None:
        return (body.get("generationConfig") or {}).get("maxOutputTokens")

    def objection(self, body: dict[str, Any]) -> str:
        turns = body.get("contents") or []
        for turn, after in zip(turns, [*turns[1:], {"parts": []}], strict=True):
            calls = sum("functionCall" in part for part in turn["parts"])
            results = sum("functionResponse" in part for part in after["parts"])
            if calls and calls != results:
                return "Please ensure that the number of function response parts is equal to that of the call parts."
        return ""

    def refusal(self, fault: Fault | str, key: str, retry_after_s: float | None, said: str = "") -> Refusal:
        status, kind, message, reason = _ERRORS[fault]
        details: list[dict[str, str]] = []
        if reason is not None:
            details.append({"@type": f"{_RPC}.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
        if retry_after_s is not None:
            details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{retry_after_s:g}s"})
        error = {"code": status, "message": said or message.format(key=key), "status": kind, "details": details}
        return Refusal(status, {"error": error})

    def whole(self, answer: Answer) -> dict[str, Any]:
        parts = _thoughts(answer) + ([{"text": answer.text}] if answer.text else [])
        parts += [_call(call) for call in answer.tool_calls]
        return _reply(answer, parts, last=True)

    def pieces(self, answer: Answer) -> list[bytes]:
        replies = [_reply(answer, [thought], last=False) for thought in _thoughts(answer)]
        replies += [_reply(answer, [{"text": word}], last=False) for word in answer.words()]
        replies += [_reply(answer, [_call(call)], last=False) for call in answer.tool_calls]
        replies.append(_reply(answer, [{"text": ""}], last=True))
        return [sse(reply) for reply in replies]

    def headers(self, call_id: str) -> dict[str, str]:
        return {}

    def models(self) -> dict[str, Any]:
        return {"models": [{"name": "models/gemini-4-argon", "displayName": "fake"}]}


def _thoughts(answer: Answer) -> list[dict[str, Any]]:
    return [{"text": answer.thoughts, "thought": True}] if answer.thoughts else []


def _call(call: ToolCall) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.arguments}}
    if call.id:
        part["functionCall"]["id"] = call.id
    if call.signature:
        part["thoughtSignature"] = call.signature
    return part


def _reply(answer: Answer, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    reply: dict[str, Any] = {
        "candidates": [candidate],
        "modelVersion": answer.model,
        "responseId": answer.call_id,
    }
    if last:
        candidate["finishReason"] = _STOP[answer.finish]
        reply["usageMetadata"] = _usage(answer.usage)
    return reply


def _usage(usage: Usage) -> dict[str, Any]:
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cache_read_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    return {name: count for name, count in counts.items() if count}  # protobuf leaves zeros out
