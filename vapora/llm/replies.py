"""What a vendor's HTTP response says, read before its SDK reads it.

The SDKs expect an error in their own vendor's form and break where it has another (a string, null, a list, a gateway's
web page), and they take an error that comes with status 200 for an answer. So one response hook, the same for all four
vendors, reads every body that is not a stream.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from vapora.errors import BadAnswerError, ConnectionLostError, ProviderError
from vapora.llm import failures
from vapora.llm.failures import Reply
from vapora.llm.protocol import Provider

_STREAMS = ("text/event-stream", "application/x-ndjson")
_PAGE = re.compile(r"\s*(?:<!doctype html|<html|<head|<body|<title|<h1|<center)", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_NAMES_OF_THE_SENTENCE = ("message", "error", "detail", "error_description", "msg", "title", "reason", "errors")
_NAMES_OF_THE_CODE = ("type", "code", "status", "status_code", "reason")

# What an error is called where its status says 200, and the status that it has elsewhere.
_STATUS_OF_WORD = (
    (429, r"rate.?limit|too.?many.?requests|resource_exhausted"),
    (402, r"insufficient_quota|billing|out_of_credit"),
    (401, r"authentication|invalid_api_key|unauthenticated|unauthorized"),
    (403, r"permission|forbidden"),
    (404, r"not_?found"),
    (413, r"request_too_large|context_length_exceeded"),
    (504, r"timeout|deadline_exceeded"),
    (503, r"overloaded|unavailable"),
    (400, r"invalid_request|invalid_argument|bad_?request"),
    (500, r"api_error|server_error|internal"),
)
_RATE_LIMIT_SENTENCE = re.compile(r"rate.?limit|too many requests", re.IGNORECASE)


async def fault_in(provider: Provider, response: Any, secrets: tuple[str, ...]) -> ProviderError | None:
    """The error that an httpx response is. None: an answer, a stream that is still to come, or a redirect."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.has_redirect_location or (response.status_code < 400 and kind in _STREAMS):
        return None
    await response.aread()
    return fault(provider, response.status_code, dict(response.headers), response.text, secrets)


def fault(
    provider: Provider, status: int, headers: Mapping[str, str], text: str, secrets: tuple[str, ...] = ()
) -> ProviderError | None:
    """The error that a body is, with its status; None where it may be an answer."""
    page = _PAGE.match(text) is not None
    value = None if page else _json(text)
    if status >= 400:
        reply = _reply(status, headers, _page_text(text) if page else text if value is None else value)
        failure = failures.refused(provider, reply, secrets)
        if page and isinstance(failure, ConnectionLostError):
            return failures.bad_answer(provider, f"a web page with status {status}, “{reply.message}”", secrets)
        return failure
    if page:
        return failures.bad_answer(provider, f"a web page, “{_page_text(text)}”", secrets)
    if value is None and text.strip() not in ("null", ""):
        return None  # not JSON: the SDK knows what else it may be
    return _named(provider, headers, value, secrets)


def sentence(value: object) -> str:
    """What an error says for people, wherever in it that stands; empty where it says nothing."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        found = (sentence(value[name]) for name in _NAMES_OF_THE_SENTENCE if name in value)
    elif isinstance(value, list):
        found = (sentence(one) for one in value)
    else:
        return ""
    return next((one for one in found if one), "")


def _named(
    provider: Provider, headers: Mapping[str, str], value: object, secrets: tuple[str, ...]
) -> ProviderError | None:
    """The error in a body whose status is a success. What names no status may have been billed."""
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(inner, Mapping):
        return failures.bad_answer(provider, "its body is not a message", secrets)
    if not inner.get("error") and inner.get("object") != "error":
        return None
    reply = _reply(200, headers, inner)
    status = _status_in(inner, reply)
    if status is not None:
        return failures.refused(provider, _reply(status, headers, inner), secrets)
    return BadAnswerError(
        f"{provider} answered with an error: {failures.scrub(reply.message, secrets) or 'it gives no reason'}",
        provider=str(provider),
    )


def _reply(status: int, headers: Mapping[str, str], value: object) -> Reply:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    inner = value.get("error", value) if isinstance(value, Mapping) else value
    parts = inner if isinstance(inner, Mapping) else {}
    details = parts.get("details")
    extras = [one for one in details if isinstance(one, Mapping)] if isinstance(details, list) else []
    wait = next((_seconds(one["retryDelay"]) for one in extras if "retryDelay" in one), None)
    marks = json.dumps(extras) if extras else ""
    codes = " ".join(str(parts.get(name) or "") for name in _NAMES_OF_THE_CODE)
    return Reply(
        status,
        codes=f"{codes} {marks}",
        message=sentence(inner) or sentence(value),
        headers=headers,
        retry_after_s=wait,
        # "check your plan and billing details" also stands in Gemini's plain limits a minute.
        pace_limit=status == 429 and (wait is not None or "PerMinute" in marks),
    )


def _status_in(value: Mapping[str, Any], reply: Reply) -> int | None:
    inner = value.get("error", value)
    parts = inner if isinstance(inner, Mapping) else value
    for name in ("code", "status", "status_code"):
        number = str(parts.get(name))
        if number.isascii() and number.isdigit() and 400 <= int(number) < 600:
            return int(number)
    for status, words in _STATUS_OF_WORD:
        if re.search(words, reply.codes, re.IGNORECASE):
            return status
    return 429 if _RATE_LIMIT_SENTENCE.search(reply.message) else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _page_text(page: str) -> str:
    """The title of a web page, or the first words on it."""
    title = _TITLE.search(page)
    words = html.unescape(title[1] if title else _TAG.sub(" ", page[:20_000]))
    return " ".join(words.split())[:200]


def _seconds(text: object) -> float | None:
    """`RetryInfo.retryDelay`, a protobuf duration: `37s`, `0.5s`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(text))
    return float(found[1]) if found else None
