"""Images that a user shows, in each vendor's own form on the wire, through the real SDKs."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from events.ids import PROVIDERS, Provider
from tests.domain.test_media import PNG
from tests.llm.conftest import request_for, streamed
from vapora.errors import ConfigurationError
from vapora.llm import turns
from vapora.llm.catalogue import catalogue, shipped
from vapora.llm.protocol import Image, Message, ModelClient, ModelRequest
from vapora.testing import FakeVendors
from vapora.testing.wire.images import TOKENS, images_in

# Every letter of base64 is in it.
DATA = b64encode(PNG + bytes(range(256))).decode()
SHOT = Image(name="shot.png", media_type="image/png", digest="a" * 64)
ASKED = Message(role="user", text="What is wrong here?", images=(SHOT,))
TEXT = "What is wrong here?"


def request(provider: Provider, data: str = DATA) -> ModelRequest:
    return request_for(provider, messages=turns.shown((ASKED,), {SHOT.digest: data}))


def turn_of(provider: Provider) -> Any:
    """The user's turn as the vendor documents it."""
    match provider:
        case Provider.ANTHROPIC:
            image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}
            return {"role": "user", "content": [image, {"type": "text", "text": TEXT}]}
        case Provider.OPENAI:
            url = {"url": f"data:image/png;base64,{DATA}", "detail": "high"}
            image = {"type": "image_url", "image_url": url}
            return {"role": "user", "content": [image, {"type": "text", "text": TEXT}]}
        case Provider.GEMINI:
            image = {"inlineData": {"mime_type": "image/png", "data": DATA}}
            return {"role": "user", "parts": [image, {"text": TEXT}]}
        case _:
            return {"role": "user", "content": TEXT, "images": [DATA]}


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_an_image_arrives_in_the_vendors_own_form(
    client: ModelClient, vendors: FakeVendors, provider: Provider, streaming: bool
) -> None:
    if streaming:
        await streamed(client, request(provider))
    else:
        await client.complete(request(provider))
    body = vendors.requests[0].body
    turn = (body.get("messages") or body["contents"])[-1]
    if provider is Provider.GEMINI:
        # Google's SDK writes the alphabet that is safe in addresses; its server reads both.
        image = turn["parts"][0]["inlineData"]
        image["data"] = image["data"].replace("-", "+").replace("_", "/")
    assert turn == turn_of(provider)
    if provider is Provider.GEMINI:
        assert body["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_HIGH"


async def test_what_is_counted_beforehand_is_the_body_without_the_images_bytes(
    client: ModelClient, vendors: FakeVendors, provider: Provider
) -> None:
    await client.complete(request(provider))
    received = vendors.requests[0]
    # The form that is counted is the larger one of whole and streamed.
    assert client.request_bytes(request(provider, "")) >= received.body_bytes - len(DATA)
    assert client.request_bytes(request(provider, "")) < received.body_bytes - len(DATA) + 100
    assert [len(one) for one in images_in(received.body)] == [len(DATA)]


def test_a_body_without_images_is_what_it_was() -> None:
    bare = request_for(Provider.GEMINI)
    assert "images" not in str(bare.model_dump(exclude={"messages"}))
    assert turns.shown((ASKED,), None)[0].images == ()


def test_every_shipped_model_that_sees_says_what_an_image_counts_as() -> None:
    seeing = {spec.model: spec for spec in shipped().models if spec.vision}
    assert {spec.provider for spec in seeing.values()} == set(PROVIDERS) - {Provider.OLLAMA}
    for spec in seeing.values():
        assert spec.image_tokens == TOKENS[spec.provider]
        assert spec.tokens_of(3) == 3 * spec.image_tokens
    blind = next(spec for spec in shipped().models if spec.model == "llama3.3")
    assert (blind.vision, blind.tokens_of(3)) == (False, 0)


def test_a_model_of_ones_own_that_sees_must_say_what_an_image_counts_as(tmp_path: Path) -> None:
    text = """
[house]
dialect = "openai-compatible"
url = "https://models.example.com/v1"
[[house.models]]
model = "big"
context_tokens = 200_000
output_tokens = 32_000
vision = true
"""
    file = tmp_path / "models.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="image_tokens"):
        catalogue(file)
    file.write_text(f"{text}image_tokens = 2_000\n", encoding="utf-8")
    assert catalogue(file).models[-1].tokens_of(1) == 2_000
    file.write_text(text.replace("vision = true\n", ""), encoding="utf-8")
    assert catalogue(file).models[-1].vision is False


async def test_a_local_server_is_asked_whether_its_model_sees(connect: Any, vendors: FakeVendors) -> None:
    vendors.shown = {"llava": {"capabilities": ["completion", "vision"]}, "old": {}}
    client = connect(vendors.environ(Provider.OLLAMA))
    assert (await client.capabilities("llava")).vision is True
    assert (await client.capabilities("old")).vision is None
    assert next(one for one in catalogue(ollama_model="llava").models if one.model == "llava").vision is None
