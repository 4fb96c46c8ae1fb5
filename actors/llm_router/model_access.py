"""What a workspace's calls are made with: the installation's keys, and in their place the workspace's own.

Providers that are asked with the installation's key are up or down for all who use it. What a vendor says of a key that
a workspace brought (wrong, out of credit, asked too often) concerns that workspace alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from actors.llm_router.circuit_breaker import Availabilities, CircuitBreaker
from actors.llm_router.no_answer import NoAnswer
from actors.llm_router.own_keys import Keys, KeySource
from actors.llm_router.selection import ModelChoice
from actors.llm_router.vendor_sentences import VendorSentences
from events.ids import Provider
from vapora.clock import Clock
from vapora.domain.pricing import PriceBook
from vapora.errors import VaporaError
from vapora.llm.catalogue import Catalogue
from vapora.llm.protocol import ModelClient
from vapora.ports import Origin

# After a vault that did not answer, which may take its time to say so.
_ASK_AGAIN_S = 5.0


@dataclass(slots=True)
class ModelAccess:
    """`keys`: the workspace's own, by provider. `own`: the clients that use them. `asked`: providers that were asked
    with such a key since the log was told of it. `calls`: how many are under way with it."""

    clients: Mapping[Provider, ModelClient]
    keys: Keys
    own: Mapping[Provider, ModelClient]
    simulated: bool
    breaker: CircuitBreaker
    choice: ModelChoice
    no_answer: NoAnswer
    asked: set[Provider] = field(default_factory=set)
    calls: int = 0
    replaced: bool = False

    def providers(self) -> dict[str, str]:
        """Provider → `up`, or `down: <why>`."""
        down = self.choice.down()
        return {str(one): f"down: {down[one]}" if one in down else "up" for one in self.clients}


@dataclass(slots=True)
class _Known:
    """What is known of a workspace; `look_at`: when the vault is asked again (monotonic seconds)."""

    access: ModelAccess | None = None
    look_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class ModelAccesses:
    """`clients`: the installation's. `keys` None: no workspace has its own."""

    def __init__(
        self,
        clients: Mapping[Provider, ModelClient],
        keys: KeySource | None,
        clock: Clock,
        *,
        catalogue: Catalogue,
        prices: PriceBook,
        sentences: VendorSentences,
        timeout_s: float,
        margin_s: float,
        chance: Callable[[], float],
    ) -> None:
        self._clients = clients
        self._keys = keys
        self._clock = clock
        self._catalogue = catalogue
        self._prices = prices
        self._sentences = sentences
        self._timeout_s = timeout_s
        self._margin_s = margin_s
        self._chance = chance
        self._simulated = any(client.simulated for client in clients.values())
        self._availabilities = Availabilities()
        self._installation = self._made("", {}, {})
        self._known: defaultdict[str, _Known] = defaultdict(_Known)
        self._journal = structlog.get_logger("router")

    @asynccontextmanager
    async def of(self, origin: Origin) -> AsyncIterator[ModelAccess]:
        """For one call, from its beginning to its end. The vault is asked whether a key changed; where it does not
        answer, what was known goes on.

        Raises what a `Vault` raises where nothing is known yet: the installation's key must not pay in place of one
        that may be there.
        """
        access = await self._current(origin)
        access.calls += 1
        try:
            yield access
        finally:
            access.calls -= 1
            if access.replaced:
                await self._close(access)

    async def simulated(self, workspace: str) -> bool:
        """Whether the rehearsal model answers this workspace. Raises what a `Vault` raises."""
        if not self._simulated or self._keys is None:
            return self._simulated
        return not await self._keys.keys(workspace)

    async def shown(self, workspace: str) -> dict[str, str]:
        """The workspace's providers, up or down; those with a key of its own that was not used yet are up."""
        if self._keys is None:
            return self._installation.providers()
        access = self._known[workspace].access
        try:
            own = await self._keys.keys(workspace)
        except VaporaError as error:
            return self._unknown(error) if access is None else access.providers()
        if access is not None and access.keys == own:
            return access.providers()
        base = {} if own and self._simulated else self._installation.providers()
        return {**base, **dict.fromkeys(map(str, own), "up")}

    def known(self, workspace: str) -> ModelAccess:
        """As it was when it was last asked for."""
        return self._known[workspace].access or self._installation

    async def close(self) -> None:
        accesses = [one.access for one in self._known.values() if one.access is not None]
        for access in accesses:
            await self._close(access)
        for client in self._clients.values():
            await client.aclose()
        if self._keys is not None:
            await self._keys.close()

    def _unknown(self, error: VaporaError) -> dict[str, str]:
        return {str(provider): f"down: {error.message}" for provider in self._clients}

    async def _current(self, origin: Origin) -> ModelAccess:
        if self._keys is None:
            return self._installation
        known = self._known[origin.workspace]
        async with known.turn:
            if known.access is None or time.monotonic() >= known.look_at:
                await self._look(self._keys, known, origin)
            access = known.access
            assert access is not None
            for provider in tuple(access.asked):
                await self._keys.used(origin.workspace, provider, access.keys[provider], origin.correlation)
                access.asked.discard(provider)
        return access

    async def _look(self, source: KeySource, known: _Known, origin: Origin) -> None:
        """Whether the workspace's keys are still those that are known; else clients with the new ones."""
        known.look_at = time.monotonic() + source.fresh_s
        try:
            keys = await source.keys(origin.workspace)
            if known.access is not None and known.access.keys == keys:
                return
            own = await source.clients(origin.workspace, keys, origin.correlation) if keys else {}
        except VaporaError as error:
            known.look_at = time.monotonic() + _ASK_AGAIN_S
            if known.access is None:
                raise
            self._journal.warning("keys of the workspace not looked at", workspace=origin.workspace, error=str(error))
            return
        before, known.access = known.access, self._made(origin.workspace, keys, own)
        if before is not None:
            before.replaced = True
            if not before.calls:
                await self._close(before)

    def _made(self, workspace: str, keys: Keys, own: Mapping[Provider, ModelClient]) -> ModelAccess:
        if workspace and not own:
            return self._installation
        # Rehearsed and real answers never mix: with a key of its own, a workspace rehearses no more.
        clients = dict(own) if own and self._simulated else {**self._clients, **own}
        offered = [one for one in self._catalogue.models if one.provider in clients]
        accounts = {provider: f"{workspace} {keys[provider].version}" for provider in own}
        breaker = CircuitBreaker(offered, self._clock, self._chance, accounts, self._availabilities)
        models = self._catalogue.models
        choice = ModelChoice(clients, models, self._prices, self._clock, breaker, self._timeout_s, self._margin_s)
        no_answer = NoAnswer(choice, breaker, self._sentences, self._clock, self._catalogue)
        simulated = any(client.simulated for client in clients.values())
        return ModelAccess(clients, keys, own, simulated, breaker, choice, no_answer)

    async def _close(self, access: ModelAccess) -> None:
        """Once nobody calls with it any more."""
        if access is self._installation or access.calls:
            return
        access.breaker.forget_own()
        for client in access.own.values():
            await client.aclose()
