"""From whatever an SDK raises to the one error tree.

Two questions decide about money, so they are asked in this order: did the vendor answer with a status
(then nothing is billed, but for gateways that lost the answer), and if not, was the request sent?
No text of a transport error is passed on, and every vendor text is scrubbed: both may carry the key.

A third question decides who is left alone for a while: each kind's `scope` in `vapora.errors`.

| scope | kinds |
|---|---|
| request | context-too-long (also a 429 that says "request too large"), invalid-request |
| model | rate-limited, overloaded, permission-denied |
| provider | authentication, out-of-credit, connection-refused, timeout, connection-lost, bad-answer |

What may have been billed is not tried with a sibling at once: that would be a second bet on the same connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from vapora.errors import (
    AuthenticationError,
    BadAnswerError,
    ConnectionLostError,
    ConnectionRefusedByProviderError,
    ContextTooLongError,
    InvalidRequestError,
    OutOfCreditError,
    OverloadedError,
    PermissionDeniedError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
)
from vapora.llm.protocol import Provider
from vapora.unicode import mended, one_line

_TRANSPORT_ROOMS = frozenset({"httpx", "httpx2", "httpcore", "httpcore2"})
# Why a request was never sent.
_NEVER_SENT = {
    "ConnectTimeout": "it does not answer",
    "ConnectError": "no connection",
    "PoolTimeout": "too many connections are open",
    "UnsupportedProtocol": "no such protocol",
    "InvalidURL": "not an address",
    "ProxyError": "the proxy refuses",
}
_TOO_SLOW = frozenset({"ReadTimeout", "WriteTimeout"})

# Vendors echo keys, whole or half masked ("sk-ab***yz"), in their 401 texts.
_KEYLIKE = re.compile(
    r"\b(?:sk[-_]|pk[-_]|gsk_|xai-|hf_|ghp_|AIza|AKIA|AQ\.|eyJ)[\w*.\-]{6,}"
    r"|(?i:bearer|api[-_ ]?key[\"']?\s*[:=])\s*[\"']?[\w*.\-]{6,}"
)
# A text of some hundred kilobytes need not be searched whole to give its first 500 characters.
_LOOKED_AT = 20_000
_LONGEST_TEXT = 500

_TOO_LONG = re.compile(
    r"context_length_exceeded|string_above_max_length|prompt is too long|maximum context length"
    r"|exceeds? (?:the )?(?:available )?context|exceed context limit|input token count .*exceeds"
    r"|context (?:window|length) (?:was |is )?exceeded|request_too_large",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"credit balance|insufficient_quota|insufficient_funds|billing_error|billing_hard_limit"
    r"|billing_not_active|BILLING_DISABLED|credits? (?:are|is) depleted|prepa(?:y|id) credit"
    r"|enable billing",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(r"API_KEY_INVALID|API key not valid|invalid_api_key", re.IGNORECASE)
# A 403 that no other model of the provider would be spared.
_NO_MODEL_AT_ALL = re.compile(
    r"API_KEY_\w*BLOCKED|SERVICE_DISABLED|CONSUMER_(?:INVALID|SUSPENDED)|API key .{0,20}leaked"
    r"|unsupported_country_region_territory|account .{0,30}(?:disabled|deactivated|suspended)",
    re.IGNORECASE,
)
# A 429 that waiting does not cure: this request alone is more than the limit of a minute.
_OVER_THE_LIMIT = re.compile(
    r"request too large|too large for (?:the|your|this)|tokens must be reduced"
    r"|reduce (?:your|the) (?:message|prompt|request|input) size",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reply:
    """A vendor's refusal: its status, machine-readable codes in one string, its text, its headers."""

    status: int
    codes: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    pace_limit: bool = False


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` as one line of at most 500 characters, without secrets, what looks like one, and control characters."""
    text = text[:_LOOKED_AT]
    for secret in secrets:
        if len(secret) >= 8:  # what is shorter is no key, and would tear words apart
            text = text.replace(secret, "[key]")
    return one_line(mended(_KEYLIKE.sub("[key]", text)))[:_LONGEST_TEXT]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110)."""
    lower = {name.lower(): value for name, value in headers.items()}
    try:
        if (millis := lower.get("retry-after-ms")) is not None:
            return max(0.0, float(millis) / 1000)
        if (value := lower.get("retry-after")) is None:
            return None
        try:
            return max(0.0, float(value))
        except ValueError:
            until = parsedate_to_datetime(value)
            since = parsedate_to_datetime(lower["date"]) if "date" in lower else datetime.now(UTC)
            return max(0.0, (until - since).total_seconds())
    except (ValueError, TypeError):
        return None


def refused(provider: Provider, reply: Reply, secrets: tuple[str, ...] = ()) -> ProviderError:
    """The error for an answer whose status is not a success."""
    said = scrub(reply.message, secrets)
    text = f"{provider} answered {reply.status}" + (f": {said}" if said else ".")
    marks = f"{reply.codes} {reply.message}"
    kind, remedy = _kind_of(provider, reply, marks)
    wait = retry_after(reply.headers) if reply.retry_after_s is None else reply.retry_after_s
    return kind(text, remedy=remedy, provider=str(provider), status=reply.status, retry_after_s=wait)


def _kind_of(provider: Provider, reply: Reply, marks: str) -> tuple[type[ProviderError], str]:
    status = reply.status
    if status == 402 or (status in (400, 403, 429) and not reply.pace_limit and _NO_CREDIT.search(marks)):
        return OutOfCreditError, f"Top up the {provider} account or let another provider take over."
    if status == 401 or (status in (400, 403) and (_BAD_KEY.search(marks) or _NO_MODEL_AT_ALL.search(marks))):
        return AuthenticationError, f"Check the key for {provider} and what it may use."
    if status == 403:
        return PermissionDeniedError, f"Check whether the key for {provider} may use this model."
    if status == 429 and _OVER_THE_LIMIT.search(marks):
        return ContextTooLongError, "Shorten the prompt, or raise the account's limit of tokens for this model."
    if status == 429:
        return RateLimitedError, "Wait, or let another model take over."
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(marks)):
        return ContextTooLongError, "Shorten the prompt or use a model with a larger window."
    if status in (408, 504, 524):
        return ProviderTimeoutError, ""
    if status in (502, 520, 521, 522, 523):
        # A gateway answered, so nobody knows whether the model behind it worked and charged.
        return ConnectionLostError, ""
    if 400 <= status < 500:
        return InvalidRequestError, "Check the model's name and the request's parameters."
    if status >= 500:
        return OverloadedError, "Wait, or let another model take over."
    return ConnectionLostError, ""


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(12):  # a chain may have a loop
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def transport_failure(provider: Provider, error: BaseException, where: str) -> ProviderError | None:
    """The error for a broken transport, or None. Names are compared, so that no SDK needs importing.

    google-genai lets httpx2's errors through raw and ollama httpx's (or a builtin `ConnectionError`);
    the two others wrap them, so the chain of causes is searched.
    """
    for cause in chain(error):
        kind = type(cause)
        if isinstance(cause, TimeoutError):
            return _too_slow(provider)
        if kind.__module__.partition(".")[0] not in _TRANSPORT_ROOMS or kind.__name__ == "HTTPStatusError":
            continue
        names = {base.__name__ for base in kind.__mro__}
        if (why := next((why for name, why in _NEVER_SENT.items() if name in names), None)) is not None:
            return ConnectionRefusedByProviderError(
                f"{provider} cannot be reached at {where}: {why}.",
                remedy="Check the address, the network, and that the service runs.",
                provider=str(provider),
            )
        if names & _TOO_SLOW:
            return _too_slow(provider)
        return ConnectionLostError(
            f"{provider} dropped the connection before its answer was complete.",
            provider=str(provider),
        )
    return None


def _too_slow(provider: Provider) -> ProviderTimeoutError:
    return ProviderTimeoutError(
        f"{provider} gave no answer in time.",
        remedy="It may have been billed; raise the time limit or ask for less.",
        provider=str(provider),
    )


def lost(provider: Provider, why: str, secrets: tuple[str, ...] = ()) -> ConnectionLostError:
    """An answer that had begun and broke off: what came of it is billed, whatever the vendor calls it."""
    text = f"{provider} broke off its answer: {scrub(why, secrets)}"
    return ConnectionLostError(text, provider=str(provider))


def bad_answer(provider: Provider, why: str, secrets: tuple[str, ...] = ()) -> BadAnswerError:
    """`why` goes on from "cannot be used:", in words for people."""
    return BadAnswerError(
        f"{provider} gave an answer that cannot be used: {scrub(why, secrets)}",
        remedy="Check that the base URL speaks this vendor's protocol.",
        provider=str(provider),
    )
