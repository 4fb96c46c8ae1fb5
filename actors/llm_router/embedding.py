"""Vectors of texts by a provider's model: paid like any other call, held before and settled after.

The index belongs to the whole workspace, so what its vectors cost counts against the workspace and nothing within it.
Nobody tries again here: who asks comes again with the same texts.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from actors.llm_router.asking import stopping_error
from actors.llm_router.budget_client import BudgetClient
from actors.llm_router.model_access import ModelAccess, ModelAccesses
from actors.messages import NoRoom, NoVectors, Settlement, Texts, Vectors
from events.budget import Charge
from events.ids import Provider
from vapora.clock import Clock, new_id
from vapora.domain.budget import ReserveSpend
from vapora.domain.pricing import PriceBook, Rate
from vapora.errors import BadAnswerError, ProviderError, ProviderTimeoutError, VaporaError
from vapora.llm.catalogue import Catalogue
from vapora.llm.protocol import Embedded, EmbeddingClient, EmbeddingRequest

_CHARGE = Charge(project_id="", task_id="", run_id="", agent_id="", role="", task_type="embeddings")
# What a vendor may add to each text by itself: where it begins, and where it ends.
_AROUND = 8


class Embedding:
    """`under_way`: calls that are out, whose answers a stop waits for. `stopping` is set once nothing more may go
    out."""

    def __init__(
        self,
        accesses: ModelAccesses,
        money: BudgetClient,
        catalogue: Catalogue,
        prices: PriceBook,
        clock: Clock,
        margin_s: float,
        stopping: asyncio.Event,
    ) -> None:
        self._accesses = accesses
        self._money = money
        self._catalogue = catalogue
        self._prices = prices
        self._clock = clock
        self._margin_s = margin_s
        self._stopping = stopping
        self.under_way: set[asyncio.Task[Vectors | NoVectors]] = set()
        self._journal = structlog.get_logger("router")

    async def embed(self, texts: Texts) -> Vectors | NoVectors:
        """A call that has begun comes to its end even if who asked is gone: its money is held."""
        if self._stopping.is_set():
            raise stopping_error()
        task = asyncio.create_task(self._work(texts))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return await asyncio.shield(task)

    async def _work(self, texts: Texts) -> Vectors | NoVectors:
        try:
            async with self._accesses.of(texts.origin) as access:
                return await self._with(access, texts)
        except VaporaError as error:  # the vault or the budget manager is away, or a price is not known
            return NoVectors(f"{error.message} {error.remedy or ''}".strip())

    async def _with(self, access: ModelAccess, texts: Texts) -> Vectors | NoVectors:
        provider, name = Provider(texts.provider), f"{texts.provider}:{texts.model}"
        model = self._catalogue.embedding(provider, texts.model)
        if model is None:
            return NoVectors(f"{name} makes no vectors of texts, as far as the catalogue of models knows.")
        client: object = access.clients.get(provider)
        if not isinstance(client, EmbeddingClient):
            return NoVectors(f"{texts.provider} is not configured here, or makes no vectors of texts.")
        rate = self._prices.text_rate(provider, texts.model, self._clock())
        # No model makes more tokens of a text than it has bytes.
        most = rate.of_text(sum(len(one.encode()) + _AROUND for one in texts.texts))
        wish = ReserveSpend(
            call_id=new_id("embed"),
            attempt=1,
            charge=_CHARGE,
            provider=provider,
            model=texts.model,
            amount_microusd=most,
            cheap_chain=False,
            simulated=access.simulated,
            expires_at=self._clock() + timedelta(seconds=texts.timeout_s + self._margin_s),
        )
        held = await self._money.reserve(texts.origin, wish, ())
        if isinstance(held, NoRoom):
            return NoVectors(
                f"The budget of {held.scope} {held.scope_id} has no room for vectors of {name}: they go on once its "
                "limit is raised or its window turns."
            )
        if provider in access.keys:
            access.asked.add(provider)
        request = EmbeddingRequest(
            model=texts.model, texts=texts.texts, dimensions=model.dimensions, timeout_s=texts.timeout_s
        )
        found = await self._asked(client, request, provider)
        if isinstance(found, ProviderError):
            await self._money.close(texts.origin, wish.call_id, found.kind, billed=found.maybe_billed)
            return NoVectors(f"{name} gave no vectors: {found.message}")
        await self._money.book(texts.origin, _settlement(wish, found, rate))
        return Vectors(found.vectors, access.simulated)

    async def _asked(
        self, client: EmbeddingClient, request: EmbeddingRequest, provider: Provider
    ) -> Embedded | ProviderError:
        try:
            async with asyncio.timeout(request.timeout_s):
                return await client.embed(request)
        except TimeoutError:
            return ProviderTimeoutError(f"{provider} gave no answer in {request.timeout_s:g} s.")
        except ProviderError as error:
            return error
        except Exception:  # an adapter's bug: the provider may have billed us all the same
            self._journal.exception("adapter failed", provider=provider)
            return BadAnswerError(f"An answer of {provider} could not be read: a fault of VAPORA, see its journal.")


def _settlement(wish: ReserveSpend, found: Embedded, rate: Rate) -> Settlement:
    """Where the vendor does not say how many tokens it counted, the worst case is what it cost."""
    if found.tokens is None:
        return Settlement(wish.call_id, wish.attempt, wish.amount_microusd, 0, 0, estimated=True)
    return Settlement(wish.call_id, wish.attempt, rate.of_text(found.tokens), found.tokens, 0)
