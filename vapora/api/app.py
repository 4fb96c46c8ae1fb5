"""The HTTP application: everything in its place, nothing decided here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from vapora import operator_token
from vapora.api import (
    agents,
    attachments,
    audit,
    board,
    budgets,
    changes,
    comments,
    costs,
    events,
    front_page,
    ids,
    live,
    openapi,
    pauses,
    problems,
    projects,
    queue,
    repositories,
    roles,
    runs,
    settings,
    steps,
    system,
    tasks,
    uploads,
    web,
)
from vapora.api.caller import EverybodyLocal
from vapora.api.cells import Cells
from vapora.api.middleware import BoundedHeaders, Envelope, JsonBodies, LoopbackOnly
from vapora.api.request_metrics import RequestMetrics
from vapora.ports import ActorSystemPort
from vapora.settings import Settings

PREFIX = "/api/v1"
# Below this an answer fits a packet or two: compressing it costs more than it saves.
_WORTH_COMPRESSING = 1_000
# 9 takes twice the time of 6 for a percent or so.
_LEVEL = 6

_NOUNS = (
    *(projects, repositories, tasks, changes, comments, attachments, board, runs, steps, pauses),
    *(agents, budgets, costs, events, audit, roles, queue, settings, ids, live),
)


def create_app(actor_system: ActorSystemPort, settings: Settings, version: str, rehearsal: bool) -> FastAPI:
    """The application over an actor system that was started; whoever started it also stops it.

    `rehearsal`: no real model answers, so that what is spent is simulated.
    """
    request_metrics = RequestMetrics()
    app = _bare_app(version)
    app.state.cells = Cells(actor_system, settings, request_metrics)
    app.state.request_metrics = request_metrics
    app.state.callers = EverybodyLocal()
    app.state.rehearsal = rehearsal
    app.state.max_attachment_bytes = settings.max_attachment_bytes
    app.state.require_operator = partial(operator_token.require, settings.data.absolute())
    app.state.allowed = partial(openapi.allowed, app)
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
    app.add_middleware(LoopbackOnly)
    app.add_middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING, compresslevel=_LEVEL)
    app.add_middleware(BoundedHeaders)
    app.add_middleware(Envelope, request_metrics=request_metrics, prefix=PREFIX)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.cells.close()


def _bare_app(version: str) -> FastAPI:
    return FastAPI(
        title="VAPORA",
        version=version,
        summary="A team of software agents whose work, money and reasons stand in one log.",
        description=openapi.DESCRIPTION,
        lifespan=_lifespan,
        routes=list(_routes()),
        docs_url=None,
        redoc_url=None,
        # A redirect would lose the body of a POST in many clients; a path is right or it is not there.
        redirect_slashes=False,
    )


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Of every application of this process: FastAPI takes a third of a second to work them out."""
    api = APIRouter(prefix=PREFIX)
    for noun in _NOUNS:
        api.include_router(noun.router)
    api.include_router(system.status_router)
    # An absent Content-Type is taken for JSON: browsers cannot send it across sites past the Origin check.
    top = APIRouter(strict_content_type=False, generate_unique_id_function=_operation_id)
    top.include_router(api)
    top.include_router(system.router)
    return tuple(top.routes)


def _operation_id(route: APIRoute) -> str:
    """The function's name: SDKs are made from it, so renaming one is a breaking change."""
    return route.name
