"""The catalogue of providers and models: what ships, and a file of the installation's own over it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from events.ids import PROVIDERS, Provider
from vapora.domain.pricing import PriceBook, TokenUsage
from vapora.errors import ConfigurationError
from vapora.llm import factory
from vapora.llm.catalogue import Catalogue, catalogue, shipped

HOUSE = """
[house]
dialect = "openai-compatible"
url = "https://models.example.com/v1"
key = "HOUSE_KEY"

[[house.models]]
model = "big"
size = "premium"
context_tokens = 200_000
output_tokens = 32_000
tools = true
prices = { input = 1.5, output = 4, cache_read = 0.15, tiers = [{ above = 100_000, input = 3, output = 8 }] }

[[house.models]]
model = "small"
context_tokens = 32_000
output_tokens = 8_000
prices = { input = 0.1, output = 0.2 }
"""


def own(folder: Path, text: str) -> Catalogue:
    file = folder / "models.toml"
    file.write_text(text, encoding="utf-8")
    return catalogue(file)


def test_the_four_ship_in_the_order_of_the_budget_chain() -> None:
    found = shipped()
    assert [one.provider for one in found.endpoints] == [
        Provider.OLLAMA,
        Provider.GEMINI,
        Provider.OPENAI,
        Provider.ANTHROPIC,
    ]
    assert {spec.provider for spec in found.models} == set(PROVIDERS)
    assert [spec.model for spec in found.models if spec.tools is not True] == ["gpt-6.1-sol"]
    assert [one.provider for one in found.endpoints if one.free] == [Provider.OLLAMA]


def test_a_file_adds_an_endpoint_with_its_models_and_their_prices(tmp_path: Path) -> None:
    found = own(tmp_path, HOUSE)
    house = Provider("house")
    big, small = found.models[-2:]
    assert (big.key, big.size, big.quality, big.tools) == ((house, "big"), "premium", 0.9, True)
    assert (small.key, small.size, small.tools) == ((house, "small"), "standard", None)
    assert found.models[:-2] == shipped().models
    book = PriceBook(named=found.prices)
    assert book.cost(house, "big", TokenUsage(100_000, 10)) == 150_040
    assert book.cost(house, "big", TokenUsage(100_001, 10)) == 300_083
    assert book.cost(house, "big", TokenUsage(1_000, 0, cache_read_tokens=1_000)) == 150
    assert book.cost(house, "big", TokenUsage(100_010, 0, cache_read_tokens=100_010)) == 30_003
    assert book.cost(house, "small", TokenUsage(1_000, 0, cache_write_tokens=1_000)) == 125
    assert book.worst_case(house, "big", 200_000, 0) == 101_000 * Decimal("3.75")
    mine = PriceBook({("house", "big"): (1_000_000, 0)}, named=found.prices)
    assert mine.cost(house, "big", TokenUsage(5, 5)) == 5


def test_its_key_is_read_from_the_environment_and_nowhere_else(tmp_path: Path) -> None:
    found = own(tmp_path, HOUSE)
    assert factory.configured({}, found) == ()
    assert factory.is_rehearsal({}, "auto", found)
    made = factory.clients({"HOUSE_KEY": "k", "OPENAI_API_KEY": "o"}, known=found)
    assert list(made) == [Provider.OPENAI, Provider("house")]
    assert [client.provider for client in made.values()] == list(made)
    assert set(factory.clients({}, known=found)) == {*PROVIDERS, Provider("house")}


def test_one_without_a_key_is_configured_by_the_file_and_may_cost_nothing(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        """
        [local-lab]
        dialect = "openai-compatible"
        url = "http://10.0.0.7:8000/v1"
        free = true
        [[local-lab.models]]
        model = "qwen3"
        context_tokens = 40_960
        output_tokens = 8_192
        """,
    )
    assert factory.configured({}, found) == (Provider("local-lab"),)
    assert found.endpoint(Provider("local-lab")).where({}) == "http://10.0.0.7:8000/v1"
    assert PriceBook(named=found.prices).cost("local-lab", "qwen3", TokenUsage(10**6, 10**6)) == 0
    assert found.models[-1].free


def test_a_file_replaces_a_model_that_ships_and_adds_others_to_its_provider(tmp_path: Path) -> None:
    found = own(
        tmp_path,
        """
        [[openai.models]]
        model = "gpt-6.1-sol"
        size = "premium"
        quality = 0.94
        context_tokens = 300_000
        output_tokens = 128_000
        tools = true

        [[openai.models]]
        model = "gpt-5.6-luna"
        size = "economy"
        context_tokens = 400_000
        output_tokens = 128_000
        """,
    )
    ours = {spec.model: spec for spec in found.models if spec.provider is Provider.OPENAI}
    assert list(ours) == ["gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna", "gpt-5.6-luna"]
    assert (ours["gpt-6.1-sol"].tools, ours["gpt-6.1-sol"].context_tokens) == (True, 300_000)
    assert ours["gpt-5.6-luna"].rank == ours["gpt-6-luna"].rank
    assert len(found.endpoints) == 4


def test_a_local_model_of_the_catalogue_is_known_and_another_one_is_asked(tmp_path: Path) -> None:
    def local(found: Catalogue) -> list[tuple[str, bool | None]]:
        return [(spec.model, spec.tools) for spec in found.models if spec.free]

    assert local(catalogue(ollama_model="qwen3")) == [("qwen3", None)]
    assert local(catalogue(ollama_model="llama3.3:70b")) == [("llama3.3:70b", True)]
    file = tmp_path / "models.toml"
    file.write_text('[[ollama.models]]\nmodel = "qwen3"\ncontext_tokens = 40_960\noutput_tokens = 8_192\ntools = true')
    assert local(catalogue(file, "qwen3")) == [("qwen3", True)]
    assert local(catalogue(file, "llama3.3")) == [("llama3.3", True), ("qwen3", True)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[house", "it is no TOML"),
        ("[House]", "no name of a provider|should match pattern"),
        ('[house]\ndialect = "grpc"\nurl = "http://h/v1"', "house: dialect must be one of anthropic, openai"),
        ('[house]\ndialect = "openai-compatible"', "house: url is missing"),
        ('[house]\ndialect = "openai-compatible"\nurl = "ftp://h"', "house.url: must be an http or https address"),
        ('[house]\ndialect = "openai-compatible"\nurl = "https://me:pw@h"', "without a name or password"),
        ('[house]\ndialect = "openai-compatible"\nurl = "https://h"\nkey = "sk-123"', "house.key: must be the name of"),
        ('[house]\ndialect = "openai-compatible"\nurl = "https://h"\nsecret = "x"', "house.secret: Extra inputs"),
        ('[[openai.models]]\nmodel = "m"\ncontext_tokens = 0\noutput_tokens = 1', "openai.models.0.context_tokens"),
        ('[[openai.models]]\nmodel = "m"', "openai.models.0.context_tokens: Field required"),
        ('[openai]\nurl = "https://proxy/v1"', "it ships with VAPORA; only its models"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_place_and_without_repeating_a_key(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as told:
        own(tmp_path, text)
    assert "models.toml" in str(told.value)
    assert not any(secret in str(told.value) for secret in ("sk-123", "me:pw"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="VAPORA_MODELS_FILE"):
        catalogue(tmp_path / "nosuch.toml")
