"""Answers that are no good work, in every vendor's own form on the wire."""

from __future__ import annotations

from typing import Any

from events.ids import Provider

COUNTED: dict[Provider, dict[str, Any]] = {
    Provider.ANTHROPIC: {"usage": {"input_tokens": 900, "output_tokens": 40}},
    Provider.OPENAI: {"usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}},
    Provider.GEMINI: {"usageMetadata": {"promptTokenCount": 900, "candidatesTokenCount": 40}},
    Provider.OLLAMA: {"prompt_eval_count": 900, "eval_count": 40},
}


def anthropic(content: Any, stop: str, **more: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m"}
    return head | COUNTED[Provider.ANTHROPIC] | {"content": content, "stop_reason": stop} | more


def openai(message: Any, finish: str | None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": message}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return head | COUNTED[Provider.OPENAI] | more


def gemini(parts: Any, finish: str, **more: Any) -> dict[str, Any]:
    content = {"role": "model"} if parts is None else {"role": "model", "parts": parts}
    candidate = {"content": content, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "modelVersion": "m"} | COUNTED[Provider.GEMINI] | more


def ollama(message: Any, reason: str, **more: Any) -> dict[str, Any]:
    head = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": reason}
    return head | COUNTED[Provider.OLLAMA] | {"message": {"role": "assistant"} | message} | more


def good(provider: Provider, text: str = "Good work.", **more: Any) -> dict[str, Any]:
    match provider:
        case Provider.ANTHROPIC:
            return anthropic([{"type": "text", "text": text}], "end_turn", **more)
        case Provider.OPENAI:
            return openai({"role": "assistant", "content": text}, "stop", **more)
        case Provider.GEMINI:
            return gemini([{"text": text}], "STOP", **more)
        case _:
            return ollama({"content": text}, "stop", **more)


# (vendor, body, what the vendor calls it)
REFUSED: list[tuple[Provider, dict[str, Any], str]] = [
    (Provider.ANTHROPIC, anthropic([], "refusal"), "refusal"),
    (
        Provider.ANTHROPIC,
        anthropic(
            [{"type": "text", "text": "I will"}],
            "refusal",
            stop_details={"type": "refusal", "category": "cyber", "explanation": "It could enable an attack."},
        ),
        "refusal: It could enable an attack.",
    ),
    (Provider.OPENAI, openai({"role": "assistant", "content": None}, "content_filter"), "content_filter"),
    (
        Provider.OPENAI,
        openai({"role": "assistant", "content": None, "refusal": "I can't help with that."}, "stop"),
        "refusal: I can't help with that.",
    ),
    (Provider.GEMINI, gemini(None, "SAFETY"), "SAFETY"),
    (Provider.GEMINI, gemini([{"text": "I will"}], "RECITATION"), "RECITATION"),
    (
        Provider.GEMINI,
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        "prompt blocked, PROHIBITED_CONTENT",
    ),
]
CUT_OFF: list[tuple[Provider, dict[str, Any], str]] = [
    (
        Provider.ANTHROPIC,
        anthropic([{"type": "thinking", "thinking": "hm", "signature": "x"}], "max_tokens"),
        "max_tokens",
    ),
    (
        Provider.ANTHROPIC,
        anthropic([{"type": "text", "text": "def f(x):\n    return x +"}], "max_tokens"),
        "max_tokens",
    ),
    (Provider.OPENAI, openai({"role": "assistant", "content": ""}, "length"), "length"),
    (Provider.OPENAI, openai({"role": "assistant", "content": None}, "length"), "length"),
    (Provider.OPENAI, openai({"role": "assistant", "content": "def f("}, "length"), "length"),
    (Provider.GEMINI, gemini(None, "MAX_TOKENS"), "MAX_TOKENS"),
    (Provider.GEMINI, gemini([{"text": "hm", "thought": True}], "MAX_TOKENS"), "MAX_TOKENS"),
    (Provider.OLLAMA, ollama({"content": "", "thinking": "hm"}, "length"), "length"),
    (Provider.OLLAMA, ollama({"content": "<think>\nI should lie"}, "length"), "length"),
]
EMPTY: list[tuple[Provider, dict[str, Any], str]] = [
    (Provider.ANTHROPIC, anthropic([], "end_turn"), ""),
    (Provider.ANTHROPIC, anthropic([{"type": "text", "text": " \n\u200b"}], "end_turn"), ""),
    (Provider.OPENAI, openai({"role": "assistant", "content": None}, "stop"), ""),
    (Provider.GEMINI, gemini(None, "STOP"), ""),
    (Provider.GEMINI, gemini(None, "MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
    (Provider.OLLAMA, ollama({"content": "", "thinking": "hm"}, "stop"), ""),
    (Provider.OLLAMA, ollama({"content": "<think>\nI should lie"}, "stop"), ""),
]
# What a usage can be that is none.
NO_USAGE: list[tuple[Provider, dict[str, Any]]] = [
    (Provider.ANTHROPIC, {"usage": None}),
    (Provider.ANTHROPIC, {"usage": {"input_tokens": -5, "output_tokens": 3}}),
    (Provider.ANTHROPIC, {"usage": {"input_tokens": "many", "output_tokens": 3}}),
    (Provider.ANTHROPIC, {"usage": {"input_tokens": 0, "output_tokens": 3}}),
    (Provider.ANTHROPIC, {"usage": {"input_tokens": 900, "output_tokens": 10**9}}),
    (Provider.OPENAI, {"usage": None}),
    (Provider.OPENAI, {"usage": {}}),
    (Provider.OPENAI, {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}),
    (Provider.OPENAI, {"usage": {"prompt_tokens": 10**12, "completion_tokens": 5, "total_tokens": 5}}),
    (
        Provider.OPENAI,
        {
            "usage": {
                "prompt_tokens": 900,
                "completion_tokens": 5,
                "completion_tokens_details": {"reasoning_tokens": 700},
            }
        },
    ),
    (Provider.GEMINI, {"usageMetadata": None}),
    (Provider.GEMINI, {"usageMetadata": {"promptTokenCount": -1, "candidatesTokenCount": 5}}),
    (Provider.GEMINI, {"usageMetadata": {"candidatesTokenCount": 5}}),
]
