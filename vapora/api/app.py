"""The HTTP application: everything in its place, nothing decided here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, cast

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from vapora import clock, operator_token
from vapora.access import Engine
from vapora.api import (
    agents,
    approvals,
    attachments,
    audit,
    auth,
    board,
    budgets,
    changes,
    channels,
    comments,
    cors,
    costs,
    documentation,
    documents,
    events,
    flow,
    front_page,
    ids,
    knowledge,
    live,
    marketplace,
    openapi,
    openid,
    operator,
    pauses,
    plans,
    policies,
    problems,
    projects,
    queue,
    repositories,
    roles,
    runs,
    schedules,
    search,
    secrets,
    settings,
    steps,
    system,
    tasks,
    tokens,
    tool_servers,
    trackers,
    uploads,
    users,
    web,
    webhooks,
    workflow_checks,
    workflow_runs,
    workflows,
    workspaces,
)
from vapora.api.browser_headers import BrowserHeaders
from vapora.api.cells import Cells
from vapora.api.denials import Denials
from vapora.api.gate import Gate, enforce
from vapora.api.hosts import Hosts
from vapora.api.mcp import door as mcp
from vapora.api.middleware import BoundedHeaders, Envelope, JsonBodies, KnownHosts
from vapora.api.people import People
from vapora.api.rate_limits import RateLimits, Rules
from vapora.api.reach import Reach
from vapora.api.readable_rows import hide
from vapora.api.request_metrics import RequestMetrics
from vapora.api.sign_in import SignIn
from vapora.log.client import LogClient
from vapora.ports import ActorSystemPort
from vapora.settings import Settings

PREFIX = "/api/v1"
# Below this an answer fits a packet or two: compressing it costs more than it saves.
_WORTH_COMPRESSING = 1_000
# Files whose content is held in memory on its way into the blob store.
_STORED_AT_ONCE = 4
# 9 takes twice the time of 6 for a percent or so.
_LEVEL = 6

_NOUNS = (
    *(
        projects,
        repositories,
        tasks,
        changes,
        comments,
        attachments,
        board,
        runs,
        steps,
        pauses,
        plans,
        knowledge,
        search,
    ),
    *(agents, budgets, costs, flow, events, audit, roles, queue, settings, secrets, policies, users, ids),
    *(workflows, workflow_checks, workflow_runs, approvals, schedules, webhooks, channels, trackers, tool_servers),
    *(documents, documentation, marketplace),
    *(auth, openid, workspaces, tokens, live, operator),
)


def create_app(
    actor_system: ActorSystemPort,
    settings: Settings,
    version: str,
    rehearsal: bool,
    replicas: int = 1,
    begin: Callable[[], Awaitable[None]] | None = None,
) -> FastAPI:
    """The application over an actor system that was started; whoever started it also stops it.

    `rehearsal`: no real model answers, so that what is spent is simulated. `replicas`: how many of this application
    serve the same installation. `begin`: carried out beside the first requests, once the application runs.
    """
    request_metrics = RequestMetrics()
    app = _bare_app(version)
    app.state.cells = Cells(actor_system, settings, request_metrics)
    app.state.reach = Reach(actor_system)
    app.state.begin = begin
    app.state.request_metrics = request_metrics
    app.state.people = people = People(actor_system, clock.now)
    app.state.callers = sign_in = SignIn(people, settings, clock.now)
    app.state.denials = Denials(lambda workspace: LogClient(actor_system.log(workspace), workspace))
    app.state.gate = Gate(Engine(), people, app.state.cells, app.state.denials, clock.now)
    app.state.rehearsal = rehearsal
    app.state.trusted_proxies = settings.trusted_proxies
    app.state.openid = bool(settings.openid_issuer)
    app.state.public_url = settings.public_url
    app.state.max_attachment_bytes = settings.max_attachment_bytes
    app.state.storing = asyncio.Semaphore(_STORED_AT_ONCE)
    app.state.require_operator = partial(operator_token.require, settings.data.absolute())
    app.state.redeem = partial(operator_token.redeem, settings.data.absolute())
    app.state.allowed = partial(openapi.allowed, app)
    app.state.mcp = mcp.Door(version, settings.max_body_bytes)
    problems.install(app)
    openapi.install(app)
    if web.is_built():
        web.install(app)
    else:
        front_page.install(app)
    # The last one added is the first one passed.
    app.add_middleware(
        JsonBodies,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.receive_timeout_s,
        but_for=uploads.is_upload,
    )
    app.add_middleware(uploads.Uploads, max_bytes=settings.max_attachment_bytes, timeout_s=settings.upload_timeout_s)
    app.add_middleware(
        KnownHosts, hosts=Hosts(settings), origins=settings.cors_origins, is_sign_in_needed=sign_in.is_needed
    )
    app.add_middleware(RateLimits, rules=Rules.of(settings, replicas))
    cors.install(app, settings.cors_origins)
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING, compresslevel=_LEVEL)
    app.add_middleware(BoundedHeaders)
    app.add_middleware(Envelope, request_metrics=request_metrics, prefix=PREFIX)
    app.add_middleware(BrowserHeaders, prefix=PREFIX, https=settings.tls_proxy or settings.tls_files is not None)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    begun = None if app.state.begin is None else asyncio.create_task(app.state.begin(), name="begin")
    try:
        yield
    finally:
        if begun is not None:
            begun.cancel()
            await asyncio.wait([begun])
        await app.state.denials.close()
        await app.state.cells.close()
        await app.state.people.close()


def _bare_app(version: str) -> FastAPI:
    return FastAPI(
        title="VAPORA",
        version=version,
        summary="A team of software agents whose work, money and reasons stand in one log.",
        description=openapi.DESCRIPTION,
        lifespan=_lifespan,
        routes=list(_routes()),
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        # A redirect would lose the body of a POST in many clients; a path is right or it is not there.
        redirect_slashes=False,
    )


def document() -> dict[str, Any]:
    """The OpenAPI document, of no server: it is made of the routes alone, and no actor is asked."""
    return create_app(cast(ActorSystemPort, None), Settings(), "0", rehearsal=True).openapi()


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Of every application of this process: FastAPI takes a quarter of a second to work them out."""
    # An absent Content-Type is taken for JSON: browsers cannot send it across sites past the Origin check.
    top = APIRouter(strict_content_type=False, generate_unique_id_function=_operation_id)
    # What is added here is closed until a policy opens it. Each by itself: of a router within a router FastAPI would
    # work everything out twice.
    asked = [Depends(enforce)]
    for noun in _NOUNS:
        hide(noun.router.routes)
        top.include_router(noun.router, prefix=PREFIX, dependencies=asked)
    top.include_router(system.status_router, prefix=PREFIX, dependencies=asked)
    top.include_router(system.router, dependencies=asked)
    top.include_router(system.probe_router)
    top.include_router(mcp.router, dependencies=asked)
    return tuple(top.routes)


def _operation_id(route: APIRoute) -> str:
    """The function's name: SDKs are made from it, so renaming one is a breaking change."""
    return route.name
