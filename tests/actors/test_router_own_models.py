"""Providers beside those that ship: an endpoint of the installation's own, and a fifth dialect by docs/recipes.md."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.messages import Answered
from events.budget import SpendReserved
from events.ids import Provider
from events.routing import ProviderSelected
from events.run import ModelCalled
from tests.actors.kit import of_kind
from tests.actors.test_router_tools import BRIEF, asks, desk_of
from vapora.llm.adapter import Body, Piece, VendorAdapter
from vapora.llm.catalogue import catalogue
from vapora.llm.dialects import DIALECTS
from vapora.llm.protocol import Frame, ModelAnswer, ModelRequest, Usage
from vapora.testing import Behaviour, FakeVendors
from vapora.testing.wire.exchange import KEYS


@pytest.fixture(scope="module")
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as fake:
        yield fake


async def test_an_endpoint_of_the_installations_own_takes_calls_with_tools(
    vendors: FakeVendors, tmp_path: Path
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        f"""
        [house]
        dialect = "openai-compatible"
        url = "{vendors.base_url(Provider.OPENAI)}"
        key = "HOUSE_KEY"

        [[house.models]]
        model = "gpt-6-luna"
        context_tokens = 200_000
        output_tokens = 32_000
        tools = true
        prices = {{ input = 2, output = 8 }}
        """
    )
    vendors.script(Provider.OPENAI, asks("a.py", "b.py"), Behaviour(text="Mended."))
    async with desk_of(catalogue(file), {"HOUSE_KEY": KEYS[Provider.OPENAI]}) as ours:
        assert isinstance(await ours.step(0), Answered)
        assert isinstance(await ours.step(1), Answered)
        assert await ours.router.providers() == {"house": "up"}
        answer, _ = await of_kind(ours.log, ModelCalled)
        assert (answer.provider, answer.model, len(answer.tool_calls)) == (Provider("house"), "gpt-6-luna", 2)
        assert answer.cost_microusd == 2 * answer.tokens.input + 8 * answer.tokens.output
    asked, again = vendors.requests
    assert asked.body["max_tokens"] == 500
    assert "max_completion_tokens" not in asked.body
    # Thoughts go back to the server that gave them.
    assert again.body["messages"][2]["reasoning_content"] == "Let me see."


class ToyClient(VendorAdapter):
    """A fifth dialect, in the one module that the recipe asks for. It answers here, for there is no such vendor."""

    default_url = "http://127.0.0.1:9"

    def said(self, request: ModelRequest) -> Body:
        return {"say": [message.text for message in request.messages]}

    def settings(self, frame: Frame, *, stream: bool) -> Body:
        return {"model": frame.model}

    def _build(self) -> Any:
        return object()

    async def _ask(self, sdk: Any, request: ModelRequest) -> ModelAnswer:
        usage = Usage(input_tokens=10, output_tokens=5)
        return ModelAnswer(text="toy", usage=usage, finish="stop", model=request.model)

    async def _open(self, sdk: Any, request: ModelRequest) -> Any:
        return await self._ask(sdk, request)

    async def _read(self, opened: Any, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        yield opened

    async def _list_models(self, sdk: Any) -> None:
        """Nothing to ask."""

    async def _close(self, sdk: Any) -> None:
        """Nothing to close."""


@pytest.fixture
def toy_dialect() -> Iterator[None]:
    DIALECTS["toy"] = ToyClient
    yield
    del DIALECTS["toy"]


@pytest.mark.usefixtures("toy_dialect")
async def test_a_fifth_dialect_is_one_module_and_one_entry(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(
        """
        [toyland]
        dialect = "toy"
        url = "http://127.0.0.1:9"
        key = "TOY_KEY"

        [[toyland.models]]
        model = "toy-1"
        context_tokens = 50_000
        output_tokens = 4_000
        tools = true
        prices = { input = 1, output = 2 }
        """
    )
    async with desk_of(catalogue(file), {"TOY_KEY": "k"}) as ours:
        outcome = await ours.step(0, messages=(BRIEF,))
        assert isinstance(outcome, Answered)
        assert (outcome.answer.provider, outcome.answer.cost_microusd) == ("toyland", 20)
        [held] = await of_kind(ours.log, SpendReserved)
        assert held.provider == "toyland"
        [selected] = await of_kind(ours.log, ProviderSelected)
        assert {one.provider for one in selected.candidates} == {"toyland", "anthropic", "openai", "gemini", "ollama"}
        assert selected.policy == "availability"
