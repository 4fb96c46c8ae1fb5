"""Whatever goes wrong at a vendor arrives as one error of the tree, and as nothing else."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from events.ids import Provider
from tests.llm.conftest import Connect, request_for, streamed
from vapora import errors
from vapora.llm import failures
from vapora.llm.protocol import ModelClient, ModelRequest, TextDelta
from vapora.testing import KEYS, Behaviour, FakeVendors, Fault

EXPECTED: dict[Fault, type[errors.ProviderError]] = {
    Fault.RATE_LIMITED: errors.RateLimitedError,
    Fault.OVERLOADED: errors.OverloadedError,
    Fault.SERVER_ERROR: errors.OverloadedError,
    Fault.AUTHENTICATION: errors.AuthenticationError,
    Fault.FORBIDDEN: errors.PermissionDeniedError,
    Fault.OUT_OF_CREDIT: errors.OutOfCreditError,
    Fault.CONTEXT_TOO_LONG: errors.ContextTooLongError,
    Fault.INVALID_REQUEST: errors.InvalidRequestError,
    Fault.DROP: errors.ConnectionLostError,
    Fault.DROP_BILLED: errors.ConnectionLostError,
    Fault.DROP_MIDWAY: errors.ConnectionLostError,
    Fault.GARBAGE: errors.BadAnswerError,
}


# Ollama has no keys, and the fake one serves any model.
KEYED = pytest.mark.parametrize(
    "provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI], ids=str, indirect=True
)


async def failure_of(client: ModelClient, request: ModelRequest, streaming: bool) -> errors.ProviderError:
    with pytest.raises(errors.ProviderError) as caught:
        await (streamed(client, request) if streaming else client.complete(request))
    return caught.value


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streaming(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("fault", list(Fault), ids=str)
async def test_each_fault_has_its_error(
    client: ModelClient, vendors: FakeVendors, provider: Provider, fault: Fault, streaming: bool
) -> None:
    vendors.default(Behaviour(fault=fault, text="some words that break off"))
    error = await failure_of(client, request_for(provider), streaming)
    if fault is Fault.GARBAGE and streaming:
        assert error.maybe_billed  # a stream of nonsense reads as one that ended early, or as nonsense
    else:
        assert type(error) is EXPECTED[fault]
    assert error.maybe_billed or not vendors.ledger.bills
    assert len(vendors.requests) == 1, "nothing may be retried here"
    assert_clean(error, KEYS.get(provider, ""))


async def test_the_wait_that_a_vendor_asks_for_is_told(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    vendors.default(Behaviour(fault=Fault.RATE_LIMITED, retry_after_s=37))
    error = await failure_of(client, request_for(provider), streaming)
    assert type(error) is errors.RateLimitedError
    assert error.retry_after_s == 37


@KEYED
async def test_a_wrong_key_is_an_authentication_error_that_does_not_tell_it(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    wrong = "sk-wrong-abcdefghijklmnop"
    environ = vendors.environ(provider)
    environ[f"{provider.upper()}_API_KEY"] = wrong
    error = await failure_of(connect(environ), request_for(provider), False)
    assert type(error) is errors.AuthenticationError
    assert vendors.requests == []
    assert_clean(error, wrong)


@KEYED
async def test_an_unknown_model_is_an_invalid_request(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    client = connect(vendors.environ(provider))
    error = await failure_of(client, request_for(provider, model="no-such-model"), False)
    assert type(error) is errors.InvalidRequestError
    assert error.details["status"] == 404


async def test_a_late_answer_is_a_timeout(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    await client.complete(request_for(provider))  # the SDK is loaded: that is not the vendor's time
    with vendors.hold():
        error = await failure_of(client, request_for(provider, timeout_s=0.3), streaming)
    assert type(error) is errors.ProviderTimeoutError
    assert error.maybe_billed


async def test_nobody_at_the_address_is_not_billed(
    connect: Connect, provider: Provider, dead_port: int, streaming: bool
) -> None:
    client = connect(_at(provider, f"http://127.0.0.1:{dead_port}"))
    error = await failure_of(client, request_for(provider), streaming)
    assert type(error) is errors.ConnectionRefusedByProviderError
    assert not error.maybe_billed
    assert f"127.0.0.1:{dead_port}" in str(error)
    with pytest.raises(errors.ConnectionRefusedByProviderError):
        await client.ping()


async def test_an_unknown_host_is_not_billed(connect: Connect, provider: Provider) -> None:
    client = connect(_at(provider, "http://nobody.invalid:1"))
    error = await failure_of(client, request_for(provider), False)
    assert type(error) is errors.ConnectionRefusedByProviderError


@pytest.mark.parametrize("url", ["http://[::bad", "gopher://127.0.0.1:1", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none_is_not_billed(connect: Connect, provider: Provider, url: str) -> None:
    error = await failure_of(connect(_at(provider, url)), request_for(provider), False)
    assert not error.maybe_billed
    assert_clean(error, "")


async def test_cancellation_passes_through(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    await client.complete(request_for(provider))
    with vendors.hold() as gate:
        request = request_for(provider)
        call = asyncio.create_task(streamed(client, request) if streaming else client.complete(request))
        await gate.arrivals(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_stream_that_broke_off_gives_what_came_and_then_its_error(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.default(Behaviour(fault=Fault.DROP_MIDWAY, text="one two three four five six seven eight"))
    got: list[str] = []

    async def follow() -> None:
        async for piece in client.stream(request_for(provider)):
            assert isinstance(piece, TextDelta)
            got.append(piece.text)

    with pytest.raises(errors.ConnectionLostError):
        await follow()
    assert "".join(got).startswith("one ")


async def test_a_vendor_that_lists_no_models_is_still_there(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    url = vendors.base_url(provider).replace(f"/{provider}", "/elsewhere")
    await connect(_at(provider, url)).ping()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, errors.OutOfCreditError),
        (404, errors.InvalidRequestError),
        (408, errors.ProviderTimeoutError),
        (413, errors.ContextTooLongError),
        (500, errors.OverloadedError),
        (502, errors.ConnectionLostError),
        (503, errors.OverloadedError),
        (504, errors.ProviderTimeoutError),
        (529, errors.OverloadedError),
    ],
)
def test_a_bare_status_says_enough(status: int, kind: type[errors.ProviderError]) -> None:
    assert type(failures.refused(Provider.OPENAI, failures.Reply(status))) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        (
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
            30.0,
        ),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert failures.retry_after(headers) == seconds


def test_gemini_says_quota_and_billing_in_plain_limits_too() -> None:
    said = "You exceeded your current quota, please check your plan and billing details."
    reply = failures.Reply(429, message=said)
    assert type(failures.refused(Provider.GEMINI, reply)) is errors.RateLimitedError
    depleted = failures.Reply(429, message="Your prepayment credits are depleted.")
    assert type(failures.refused(Provider.GEMINI, depleted)) is errors.OutOfCreditError


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failures.Reply(429, "tokens rate_limit_exceeded", "Request too large for gpt-6"), errors.ContextTooLongError),
        (failures.Reply(429, message="The input or output tokens must be reduced."), errors.ContextTooLongError),
        (failures.Reply(429, message="This request would exceed the rate limit"), errors.RateLimitedError),
        (failures.Reply(403, "PERMISSION_DENIED SERVICE_DISABLED", "not enabled"), errors.AuthenticationError),
        (failures.Reply(403, message="Your API key was reported as leaked."), errors.AuthenticationError),
        (failures.Reply(403, "permission_error", "not this model"), errors.PermissionDeniedError),
    ],
)
def test_whose_trouble_it_is_stands_in_the_vendors_words(
    reply: failures.Reply, kind: type[errors.ProviderError]
) -> None:
    assert type(failures.refused(Provider.OPENAI, reply)) is kind


def _at(provider: Provider, url: str) -> dict[str, str]:
    return {
        Provider.ANTHROPIC: {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": url},
        Provider.OPENAI: {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url},
        Provider.GEMINI: {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": url},
        Provider.OLLAMA: {"OLLAMA_HOST": url},
    }[provider]


def assert_clean(error: BaseException, key: str) -> None:
    """Neither the error nor anything that a log would print with it tells the key."""
    assert error.__cause__ is None
    assert error.__context__ is None
    printed = "".join(traceback.format_exception(error)) + repr(getattr(error, "details", ""))
    if key:
        assert key not in printed


def test_half_of_a_character_in_a_vendors_text_is_mended() -> None:
    error = failures.refused(Provider.OPENAI, failures.Reply(400, message="no such model: \ud83d\ude42 \ud83d"))
    assert "no such model: 🙂 \ufffd" in str(error)
