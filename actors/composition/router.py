"""The router, and whose keys it uses."""

from __future__ import annotations

from functools import lru_cache

from actors.composition.wiring import Wiring
from actors.llm_router import LLMRouter, OwnKeys
from actors.runtime.base import Address
from events.content import Content
from vapora.clock import now
from vapora.domain.pricing import PriceBook
from vapora.llm.catalogue import Catalogue, installed, own_prices
from vapora.llm.factory import client_with, clients, switched_on_by_key

# Stores of texts that the router keeps.
_STORES = 64


def build_router(wiring: Wiring, _: Address) -> LLMRouter:
    settings, runtime = wiring.settings, wiring.runtime
    # Kept for those that are at work: a store in S3 keeps its connections.
    blobs = lru_cache(_STORES)(wiring.blobs)

    def keep(workspace: str, text: str) -> Content:
        return blobs(workspace).content(text)

    def read(workspace: str, digest: str) -> bytes:
        return blobs(workspace).get(digest)

    known = installed(settings)
    delay = (settings.rehearsal_min_delay_s, settings.rehearsal_max_delay_s)
    return LLMRouter(
        clients(wiring.environ, settings.model, delay, known),
        money=lambda workspace: runtime.ref(Address("budget", workspace)),
        keep=keep,
        clock=now,
        catalogue=known,
        prices=PriceBook(own_prices(settings, known), known.prices),
        timeout_s=settings.call_timeout_s,
        margin_s=settings.reservation_margin_s,
        keys=_own_keys(wiring, known),
        read=read,
    )


def _own_keys(wiring: Wiring, known: Catalogue) -> OwnKeys | None:
    """Keys that workspaces brought; none are looked for where nothing but rehearsal is wanted."""
    if wiring.settings.model == "rehearsal":
        return None
    environ = wiring.environ
    return OwnKeys(
        wiring.secrets("llm-router"),
        switched_on_by_key(environ, known),
        lambda provider, key: client_with(environ, provider, key, known),
    )
