"""A fake of the four vendors at the level of the wire: one real HTTP server on loopback.

The official SDKs talk to it unchanged, so a test with it covers all of our own code. It keeps a ledger of
what the vendors would have billed, which is what a spend cap must be held against.

    with FakeVendors() as vendors:
        vendors.script(Provider.OPENAI, Behaviour(fault=Fault.RATE_LIMITED, retry_after_s=3))
        router = make_router(factory.clients(vendors.environ(), "auto", (0, 0)))
        with vendors.hold() as gate:        # answers wait
            ...; gate.wait_for(12)          # until 12 calls are in flight
        assert vendors.ledger.billed_microusd <= limit
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from events.ids import PROVIDERS, Provider
from vapora.testing.in_thread import InThread
from vapora.testing.wire import embeddings
from vapora.testing.wire.anthropic import AnthropicDialect
from vapora.testing.wire.dialects import Dialect
from vapora.testing.wire.exchange import KEYS, Exchange
from vapora.testing.wire.gemini import GeminiDialect
from vapora.testing.wire.ollama import OllamaDialect
from vapora.testing.wire.openai import OpenAIDialect
from vapora.testing.wire.script import Behaviour, Gate, Ledger, Received, Script, Tally

DIALECTS: dict[Provider, Dialect] = {
    dialect.provider: dialect for dialect in (AnthropicDialect(), OpenAIDialect(), GeminiDialect(), OllamaDialect())
}


class FakeVendors(InThread):
    """The server. `requests` holds what it was asked, `ledger` what it would have billed."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.requests: list[Received] = []
        # What Ollama tells of a model, by name: {"capabilities": ["tools"], "model_info": {"x.context_length": 8192}}.
        self.shown: dict[str, dict[str, Any]] = {}
        self.departures = Tally()  # connections that were closed, by whichever side
        self._lock = threading.Lock()
        self._queues: dict[Provider, deque[Script]] = {provider: deque() for provider in PROVIDERS}
        self._defaults: dict[Provider, Script] = dict.fromkeys(PROVIDERS, Behaviour())
        self._gates: list[Gate] = []
        self._ids = itertools.count(1)
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    # What a test says.

    def script(self, provider: Provider, *behaviours: Script) -> None:
        """The next answers of a vendor, in order; then its default again."""
        with self._lock:
            self._queues[provider].extend(behaviours)

    def default(self, behaviour: Script, *providers: Provider) -> None:
        """What these vendors do (all, if none is named) whenever no script is left."""
        with self._lock:
            for provider in providers or PROVIDERS:
                self._defaults[provider] = behaviour

    def hold(self, *providers: Provider) -> Gate:
        """From now on the answers of these vendors (all, if none is named) wait at the gate."""
        if self._loop is None:
            raise RuntimeError("the fake is not running")
        gate = Gate(self._loop, frozenset(providers or PROVIDERS))
        with self._lock:
            self._gates.append(gate)
        return gate

    def reset(self) -> None:
        """Forgets scripts, requests and bills and opens all gates: a new fake without a new server."""
        with self._lock:
            gates, self._gates = self._gates, []
            self._queues = {provider: deque() for provider in PROVIDERS}
            self._defaults = dict.fromkeys(PROVIDERS, Behaviour())
            self.requests = []
            self.shown = {}
            self.ledger = Ledger()  # a call that is still under way is charged to the old one
        for gate in gates:
            gate.release()

    def base_url(self, provider: Provider) -> str:
        """In the form that the vendor's SDK wants it."""
        return f"http://127.0.0.1:{self._port}/{provider}" + ("/v1" if provider is Provider.OPENAI else "")

    def environ(self, *providers: Provider) -> dict[str, str]:
        """The environment that configures these vendors (all, if none is named)."""
        variables = {
            Provider.ANTHROPIC: ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
            Provider.OPENAI: ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
            Provider.GEMINI: ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"),
        }
        environ: dict[str, str] = {}
        for provider in providers or PROVIDERS:
            if provider in variables:
                key, url = variables[provider]
                environ |= {key: KEYS[provider], url: self.base_url(provider)}
            else:
                environ["OLLAMA_HOST"] = self.base_url(provider)
        return environ

    # What is served, and how.

    def application(self) -> Starlette:
        return Starlette(routes=self._routes())

    def before_the_end(self) -> None:
        for transport in tuple(self._transports.values()):
            transport.abort()  # else uvicorn would answer a cancelled call with 500

    def protocol(self) -> type[asyncio.Protocol]:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        transports, departures = self._transports, self.departures

        class Connection(H11Protocol):
            """Notes its transport: ASGI has no means to drop a connection."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                transports[transport.get_extra_info("peername")[:2]] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)
                departures.add()

        return Connection

    def _routes(self) -> list[Route]:
        routes: list[Route] = []
        for provider, dialect in DIALECTS.items():
            handler = Exchange(self, dialect)
            routes.append(Route(f"/{provider}{dialect.ask_path}", handler.ask, methods=["POST"]))
            routes.append(Route(f"/{provider}{dialect.list_path}", handler.list, methods=["GET"]))
            if (path := embeddings.PATHS.get(provider)) is not None:
                routes.append(Route(f"/{provider}{path}", handler.ask, methods=["POST"]))
        routes.append(Route(f"/{Provider.OLLAMA}/api/show", self._show, methods=["POST"]))
        return routes

    async def _show(self, request: Request) -> Response:
        name = (await request.json())["model"]
        if (found := self.shown.get(name)) is None:
            return JSONResponse({"error": f"model '{name}' not found"}, 404)
        return JSONResponse({"model_info": {}} | found)

    # What the exchange asks of it, in the server's loop.

    def take(self, received: Received) -> tuple[Behaviour, str, list[Gate], Ledger]:
        """Notes a call; returns its behaviour, its id, the gates in its way and where it is charged."""
        with self._lock:
            self.requests.append(received)
            queue = self._queues[received.provider]
            script = queue.popleft() if queue else self._defaults[received.provider]
            gates = [gate for gate in self._gates if received.provider in gate.providers]
            call_id = f"fake-{received.provider}-{next(self._ids)}"
            ledger = self.ledger
        behaviour = script if isinstance(script, Behaviour) else script(received)
        return behaviour, call_id, gates, ledger

    def drop(self, client: tuple[str, int]) -> None:
        """Closes a connection, after what was written to it."""
        if (transport := self._transports.get(client)) is not None:
            transport.close()

    def connected(self, client: tuple[str, int]) -> bool:
        return client in self._transports
