"""Errors in every form that vendors and gateways give them, through the real SDKs: each is the error that it names, in
words for people, and booked only where it may have been billed."""

from __future__ import annotations

from typing import Any

import pytest

from events.ids import Provider
from tests.llm.conftest import Connect, request_for, streamed
from vapora import errors
from vapora.errors import ProviderError
from vapora.llm import failures, replies
from vapora.llm.protocol import ModelClient
from vapora.testing import KEYS, Behaviour, FakeVendors, Raw

SENTENCE = "no route found for model"
# Bodies that are no object of the vendor's own form, each with what it says.
BODIES: list[tuple[Any, str]] = [
    ({"error": SENTENCE}, SENTENCE),
    ({"error": None}, ""),
    ({"error": None, "message": SENTENCE}, SENTENCE),
    ({"error": [SENTENCE]}, SENTENCE),
    ({"error": {"message": None}}, ""),
    ({"detail": [{"loc": ["body"], "msg": SENTENCE}]}, SENTENCE),
    ([{"error": {"message": SENTENCE}}], SENTENCE),
    (f'"{SENTENCE}"', SENTENCE),
    (SENTENCE, SENTENCE),
    ("null", ""),
    ("[]", ""),
    ("17", ""),
    ("", ""),
]
BY_STATUS: dict[int, type[ProviderError]] = {
    400: errors.InvalidRequestError,
    404: errors.InvalidRequestError,
    429: errors.RateLimitedError,
    500: errors.OverloadedError,
}
PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx</center></body></html>"
# Whatever of Python, its libraries or ours would puzzle who reads a card.
PYTHON = ("Error", "NoneType", "object", "attribute", "Traceback", "pydantic", "<", "subscriptable")


async def failure_of(client: ModelClient, provider: Provider, streaming: bool = False) -> ProviderError:
    request = request_for(provider)
    with pytest.raises(ProviderError) as caught:
        await (streamed(client, request) if streaming else client.complete(request))
    return caught.value


def assert_for_people(error: ProviderError) -> None:
    assert not [word for word in PYTHON if word in f"{error}"], f"{error}"


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", BY_STATUS)
async def test_an_error_whose_body_is_no_object_is_what_its_status_says(
    connect: Connect, vendors: FakeVendors, provider: Provider, status: int, streaming: bool
) -> None:
    client = connect(vendors.environ(provider))
    for body, said in BODIES:
        vendors.script(provider, Behaviour(raw=Raw(body, status)))
        error = await failure_of(client, provider, streaming)
        assert type(error) is BY_STATUS[status], body
        assert not error.maybe_billed
        assert said in error.message
        assert_for_people(error)


async def test_an_error_with_status_200_is_the_error_it_names(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    client = connect(vendors.environ(provider))
    named: list[tuple[Any, type[ProviderError]]] = [
        ({"error": {"message": "Rate limit exceeded", "code": 429}}, errors.RateLimitedError),
        ({"error": {"message": "Rate limit exceeded", "code": "rate_limit_exceeded"}}, errors.RateLimitedError),
        ({"error": "Rate limit exceeded"}, errors.RateLimitedError),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            errors.OverloadedError,
        ),
        ({"error": {"code": 404, "status": "NOT_FOUND", "message": SENTENCE}}, errors.InvalidRequestError),
        ({"object": "error", "message": SENTENCE, "type": "BadRequestError"}, errors.InvalidRequestError),
        ({"error": {"message": "Invalid key", "code": "401"}}, errors.AuthenticationError),
        ({"error": {"message": "Provider returned error", "code": 502}}, errors.ConnectionLostError),
        ({"error": {"message": "Something happened"}}, errors.BadAnswerError),
    ]
    for body, kind in named:
        vendors.script(provider, Behaviour(raw=Raw(body, headers={"retry-after": "7"})))
        error = await failure_of(client, provider)
        assert type(error) is kind, body
        assert error.maybe_billed == (kind in (errors.ConnectionLostError, errors.BadAnswerError))
        assert replies.sentence(body) in error.message
        assert_for_people(error)
        assert "base URL" not in f"{error}"
        if kind is errors.RateLimitedError:
            assert error.retry_after_s == 7


async def test_what_holds_no_answer_is_a_bad_one_in_words_for_people(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    client = connect(vendors.environ(provider))
    nothing: dict[Provider, list[Any]] = {
        Provider.ANTHROPIC: [{"hello": 1}],
        Provider.OPENAI: [
            {"choices": []},
            {"choices": None},
            {"choices": [{"finish_reason": "stop", "message": None}]},
        ],
        Provider.GEMINI: [{"candidates": []}, {"candidates": [{"index": 0}]}],
        Provider.OLLAMA: [{"done": False, "message": {"role": "assistant", "content": "x"}}, {"hello": 1}],
    }
    bodies = [Raw(body) for body in ("null", "[]", "17", "{}", '{"half": ', *nothing[provider])]
    for raw in (*bodies, Raw(PAGE, media_type="text/html"), Raw(PAGE, 502, "text/html")):
        vendors.script(provider, Behaviour(raw=raw))
        error = await failure_of(client, provider)
        assert type(error) is errors.BadAnswerError, raw
        assert_for_people(error)
        assert ("502 Bad Gateway" in error.message) == (raw.body == PAGE)


async def test_a_page_of_a_gateway_that_refuses_is_not_billed(
    connect: Connect, vendors: FakeVendors, provider: Provider
) -> None:
    vendors.script(provider, Behaviour(raw=Raw("<html><body><h1>Too many</h1>", 429, "text/html")))
    error = await failure_of(connect(vendors.environ(provider)), provider)
    assert type(error) is errors.RateLimitedError
    assert error.message == f"{provider} answered 429: Too many"


async def test_a_choice_that_is_an_error_says_what_it_says(connect: Connect, vendors: FakeVendors) -> None:
    choice = {"index": 0, "finish_reason": "error", "error": {"code": 502, "message": "The upstream hung up."}}
    vendors.script(Provider.OPENAI, Behaviour(raw=Raw({"choices": [choice]})))
    error = await failure_of(connect(vendors.environ(Provider.OPENAI)), Provider.OPENAI)
    assert "The upstream hung up." in error.message
    assert error.maybe_billed


async def test_an_error_that_is_empty_stands_in_no_answers_way(connect: Connect, vendors: FakeVendors) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Good work."}}
    vendors.script(Provider.OPENAI, Behaviour(raw=Raw({"choices": [choice], "error": None, "usage": None})))
    client = connect(vendors.environ(Provider.OPENAI))
    assert (await client.complete(request_for(Provider.OPENAI))).text == "Good work."


@pytest.mark.parametrize("model", ["llama3.3", "hf.co/some/model:Q4"])
async def test_a_local_model_that_is_not_there_comes_with_what_to_do(
    connect: Connect, vendors: FakeVendors, model: str
) -> None:
    vendors.script(Provider.OLLAMA, Behaviour(raw=Raw({"error": f"model '{model}' not found"}, 404)))
    client = connect(vendors.environ(Provider.OLLAMA))
    with pytest.raises(errors.InvalidRequestError) as caught:
        await client.complete(request_for(Provider.OLLAMA, model=model))
    assert f"model '{model}' not found" in caught.value.message
    assert f"`ollama pull {model}`" in caught.value.remedy
    assert "VAPORA_OLLAMA_MODEL" in caught.value.remedy


async def test_a_local_model_that_is_too_large_comes_with_what_to_do(connect: Connect, vendors: FakeVendors) -> None:
    said = "model requires more system memory (41.5 GiB) than is available (12.0 GiB)"
    vendors.script(Provider.OLLAMA, Behaviour(raw=Raw({"error": said}, 500)))
    error = await failure_of(connect(vendors.environ(Provider.OLLAMA)), Provider.OLLAMA)
    assert type(error) is errors.OverloadedError
    assert said in error.message
    assert "smaller model" in error.remedy


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_no_key_and_no_control_character_comes_out_of_a_vendors_sentence(
    connect: Connect, vendors: FakeVendors, provider: Provider, status: int
) -> None:
    key = KEYS.get(provider, "sk-not-ours-77777777")
    said = f"bad\x1b[31m \u202ekey\r\n {key} in Bearer abcdefgh0123 " + "and so on " * 400
    vendors.script(provider, Behaviour(raw=Raw({"error": {"message": said}}, status)))
    error = await failure_of(connect(vendors.environ(provider)), provider)
    assert key not in f"{error}"
    assert "abcdefgh0123" not in f"{error}"
    assert f"{error}".isprintable()
    assert "bad [31m key [key]" in error.message
    assert len(error.message) < 600


@pytest.mark.parametrize(
    "said",
    [
        "Incorrect API key provided: sk-ab***yz.",
        "key gsk_0123456789 is revoked",
        "api_key=0123456789abc",
        'you sent "api-key": "0123456789abc"',
        "AKIAIOSFODNN7EXAMPLE",
        "hf_0123456789abc",
    ],
)
def test_what_looks_like_a_key_is_taken_out(said: str) -> None:
    told = failures.scrub(said)
    assert "[key]" in told
    assert not any(part in told for part in ("0123456789", "ab***yz", "IOSFODNN7"))


def test_a_password_in_the_address_is_taken_out() -> None:
    from vapora.llm.openai_client import OpenAIClient

    adapter = OpenAIClient(Provider.OPENAI, "k", "http://gateway:hunter2-hunter2@127.0.0.1:1/v1")
    assert failures.scrub("no: hunter2-hunter2", adapter._secrets()) == "no: [key]"
