"""Vectors that a provider makes, through the router and the budget manager, over the wire: paid within the cap, kept
for good, and never paid for twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.budget_manager import BudgetManager
from actors.indexer.vectors import IndexVectors
from actors.llm_router import LLMRouter
from actors.messages import NoVectors, Texts, Vectors
from events.budget import SpendReserved, SpendSettled
from events.content import Content
from events.ids import SETTINGS, Provider, Review, StreamName
from events.workspace import SettingsChanged, WorkspacePaused
from tests.actors.kit import ORIGIN, WORKSPACE, MovableClock, everything, log_writer, manager, of_kind
from tests.search.entries import entry
from vapora.commands import SetBudget
from vapora.database import Place, search_schema
from vapora.domain.audit import violations
from vapora.domain.pricing import PriceBook
from vapora.domain.search import Found
from vapora.domain.search import everything as all_of_it
from vapora.llm import factory
from vapora.llm.catalogue import shipped
from vapora.log.client import LogClient
from vapora.ports import QuestionVector
from vapora.search import IndexWriter, Put, SearchReader
from vapora.testing import FakeVendors
from vapora.testing.wire.exchange import KEYS
from vapora.testing.wire.script import Behaviour, Fault

SMALL, LARGE = "openai:text-embedding-3-small", "openai:text-embedding-3-large"
NOMIC = "ollama:nomic-embed-text:v1.5"
TEXTS = {"kite": "A red kite over the sea", "prime": "Prime numbers without end", "bread": "Bread with rye and salt"}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "search.db"
    return search_schema(request.getfixturevalue("database_url"), "acme")


@pytest.fixture
def vendors() -> Iterator[FakeVendors]:
    with FakeVendors() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Place:
    return tmp_path / "search.db"


@dataclass
class Site:
    log: LogClient
    money: BudgetManager
    router: LLMRouter
    place: Place
    settings: int = field(default=0)

    def vectors(self, chosen: str) -> IndexVectors:
        async def in_thread(work: Callable[[], Any]) -> Any:
            return await asyncio.to_thread(work)

        return IndexVectors(
            self.log,
            WORKSPACE,
            lambda: IndexWriter(self.place),
            in_thread,
            default=chosen,
            router=self.router,
            models=shipped().embedding,
        )

    def put(self, texts: Mapping[str, str]) -> None:
        with IndexWriter(self.place) as writer, writer.batch(str) as batch:
            for name, text in texts.items():
                batch.apply(Put(entry(name, name, text)))

    async def find(self, vectors: IndexVectors, question: str) -> tuple[Found, str]:
        vector = await vectors.of_question(question)
        return await asyncio.to_thread(self._found, question, vector), vector.reason

    def _found(self, question: str, vector: QuestionVector) -> Found:
        reader = SearchReader(self.place)
        try:
            return reader.find(question, all_of_it(), mode="vectors", vector=vector)
        finally:
            reader.close()

    async def set(self, chosen: str | None) -> None:
        event = SettingsChanged(name="", default_review=Review.NONE, default_priority=50, search_vectors=chosen)
        await self.log.append(ORIGIN, (SETTINGS, self.settings, (event,)))
        self.settings += 1

    async def limit(self, cents: int) -> None:
        await self.money.set_budget(ORIGIN, "workspace", WORKSPACE, SetBudget(monthly_limit_cents=cents))

    async def settled(self) -> int:
        return sum(one.cost_microusd for one in await of_kind(self.log, SpendSettled))


@asynccontextmanager
async def a_site(place: Place, environ: Mapping[str, str], *, prices: PriceBook | None = None) -> AsyncIterator[Site]:
    clock = MovableClock()
    known = shipped()
    async with log_writer(clock) as writer:
        log = LogClient(writer, WORKSPACE)
        money = manager(log, clock, 0)
        await money.start()
        router = LLMRouter(
            factory.clients(environ, "auto", (0, 0), known),
            money=lambda _: money,
            keep=lambda _, text: Content(text=text, size=len(text)),
            clock=clock,
            catalogue=known,
            prices=prices or PriceBook(),
            timeout_s=30,
            margin_s=60,
        )
        try:
            yield Site(log, money, router, place)
        finally:
            await router.stop()
            await money.stop()


async def test_they_are_made_once_and_never_paid_for_again(vendors: FakeVendors, place: Place) -> None:
    async with a_site(place, vendors.environ(Provider.OPENAI)) as site:
        site.put({**TEXTS, "again": TEXTS["kite"]})
        vectors = site.vectors(SMALL)
        await vectors.look()
        [asked] = vendors.requests
        assert len(asked.body["input"]) == 4, "all in one call: the titles differ"
        found, reason = await site.find(vectors, "the sea and a kite")
        assert (found.mode, reason) == ("vectors", "") and {hit.id for hit in found.hits[:2]} == {"kite", "again"}
        assert (await site.find(vectors, "the sea and a kite"))[0].hits == found.hits
        calls = len(vendors.requests)
        assert calls == 2, "the question was asked once"

        # Neither another start, nor an index that is built anew, nor the same text in another entry pays again.
        with IndexWriter(place) as writer:
            writer.begin_anew()
        site.put(TEXTS)
        vectors = site.vectors(SMALL)
        assert (await site.find(vectors, "a kite"))[0].mode == "text", "nothing was looked at yet"
        await vectors.look()
        assert (await site.find(vectors, "the sea and a kite"))[0].hits[0].id == "kite"
        assert len(vendors.requests) == calls

        # What is new is paid for alone.
        site.put({"kite": "A blue whale", "late": "Trains that are late"})
        await vectors.look()
        assert [len(one.body["input"]) for one in vendors.requests[calls:]] == [2]
        assert (await site.find(vectors, "whale"))[0].hits[0].id == "kite"

        # Another model makes its own; the one before comes back for nothing.
        await site.set(LARGE)
        await vectors.look()
        assert (vendors.requests[-1].model, len(vendors.requests[-1].body["input"])) == ("text-embedding-3-large", 4)
        assert (await site.find(vectors, "whale"))[0].mode == "vectors"
        calls = len(vendors.requests)
        await site.set(SMALL)
        await vectors.look()
        assert (await site.find(vectors, "whale"))[0].hits[0].id == "kite" and len(vendors.requests) == calls
        await site.set("none")
        await vectors.look()
        assert (await site.find(vectors, "whale"))[0].mode == "text"

        assert await site.settled() == vendors.ledger.billed_microusd > 0
        events = await everything(site.log)
        assert violations(events, WORKSPACE) == []
        told = json.dumps([one.event.model_dump(mode="json") for one in events])
        assert KEYS[Provider.OPENAI] not in told and "whale" not in told


async def test_the_cap_holds_and_search_says_why_it_goes_by_words(vendors: FakeVendors, file: Path) -> None:
    """A dollar for a token: each of ten calls at once may cost some dollars, and there are ten for all of them."""
    prices = PriceBook({("openai", "text-embedding-3-small"): (1_000_000_000_000, 0)})
    async with a_site(file, vendors.environ(Provider.OPENAI), prices=prices) as site:
        await site.limit(5_000)
        calls = [
            site.router.embed(Texts(ORIGIN, "openai", "text-embedding-3-small", (f"text {number}",), 20))
            for number in range(10)
        ]
        with vendors.hold() as gate:
            under_way = asyncio.gather(*calls)
            await gate.arrivals(3)
        replies = await under_way
        assert sum(isinstance(one, Vectors) for one in replies) == 3, "14 bytes each: 14 dollars, of 50"
        refused = next(one for one in replies if isinstance(one, NoVectors))
        assert "budget of workspace acme" in refused.reason
        assert len(vendors.requests) == 3
        assert violations(await everything(site.log), WORKSPACE) == []

        await site.limit(0)
        site.put(TEXTS)
        vectors = site.vectors(SMALL)
        await vectors.look()
        assert len(vendors.requests) == 3, "nothing is asked that cannot be paid"
        found, reason = await site.find(vectors, "kite")
        assert found.mode == "text" and [hit.id for hit in found.hits] == ["kite"] and "budget of workspace" in reason
        await site.limit(1_000_000)
        await vectors.look()
        assert (await site.find(vectors, "kite"))[0].mode == "vectors"
        await site.limit(0)
        found, reason = await site.find(vectors, "bread")
        assert found.mode == "text" and "budget" in reason
        assert (await site.find(vectors, "kite"))[0].mode == "vectors", "it was paid for before"


async def test_a_provider_that_is_away_only_delays(vendors: FakeVendors, file: Path) -> None:
    async with a_site(file, vendors.environ(Provider.OLLAMA)) as site:
        site.put({f"e{number}": f"Entry number {number}" for number in range(70)})
        vectors = site.vectors(NOMIC)
        vendors.script(Provider.OLLAMA, Behaviour(), Behaviour(fault=Fault.SERVER_ERROR))
        await vectors.look()
        found, reason = await site.find(vectors, "entry")
        assert found.mode == "text" and found.hits and "gave no vectors" in reason
        await vectors.look()
        assert [len(one.body["input"]) for one in vendors.requests] == [32, 32, 32, 6]
        assert (await site.find(vectors, "entry"))[0].mode == "vectors"
        # A question meanwhile is answered by the words, and the provider is left alone for a moment.
        vendors.default(Behaviour(fault=Fault.DROP_BILLED))
        for question in ("number", "entries"):
            found, reason = await site.find(vectors, question)
            assert found.mode == "text" and reason
        assert len(vendors.requests) == 6
        assert {one.amount_microusd for one in await of_kind(site.log, SpendReserved)} == {0}


async def test_a_stop_keeps_what_is_on_its_way(vendors: FakeVendors, file: Path) -> None:
    async with a_site(file, vendors.environ(Provider.GEMINI)) as site:
        site.put(TEXTS)
        first = site.vectors("gemini:gemini-embedding-001")
        with vendors.hold() as gate:
            looking = asyncio.create_task(first.look())
            await gate.arrivals(1)
            looking.cancel()
            stopping = asyncio.create_task(first.stop())
        await stopping
        second = site.vectors("gemini:gemini-embedding-001")
        await second.look()
        assert len(vendors.requests) == 1
        assert (await site.find(second, "rye bread"))[0].hits[0].id == "bread"
        [settled, *_] = await of_kind(site.log, SpendSettled)
        assert settled.estimated and settled.cost_microusd == settled.reserved_microusd


async def test_a_rehearsal_costs_nothing_and_is_never_taken_for_the_real_thing(
    vendors: FakeVendors, file: Path
) -> None:
    async with a_site(file, {}) as site:
        site.put(TEXTS)
        vectors = site.vectors(SMALL)
        await vectors.look()
        assert (await site.find(vectors, "prime numbers"))[0].hits[0].id == "prime"
        assert all(one.simulated for one in await of_kind(site.log, SpendReserved))
    assert vendors.requests == []
    async with a_site(file, vendors.environ(Provider.OPENAI)) as site:
        vectors = site.vectors(SMALL)
        await vectors.look()
        assert len(vendors.requests) == 1
        await site.log.append(ORIGIN, (StreamName("workspace"), 0, (WorkspacePaused(),)))
        site.put({"more": "More of it"})
        await vectors.look()
        assert len(vendors.requests) == 1 and "paused" in (await site.find(vectors, "of it"))[1]


async def test_what_makes_no_vectors_is_said(vendors: FakeVendors, file: Path) -> None:
    async with a_site(file, vendors.environ(Provider.ANTHROPIC)) as site:
        site.put(TEXTS)
        for chosen, why in ((SMALL, "not configured"), ("anthropic:claude-opus-5-5", "makes no vectors")):
            vectors = site.vectors(chosen)
            await vectors.look()
            provider, _, model = chosen.partition(":")
            reply = await site.router.embed(Texts(ORIGIN, provider, model, ("a",), 5.0))
            assert isinstance(reply, NoVectors) and why in reply.reason
    assert vendors.requests == []
