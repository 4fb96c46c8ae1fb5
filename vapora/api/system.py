"""How the installation is: for people, probes and Prometheus."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import PlainTextResponse

from events.ids import DEFAULT_WORKSPACE
from vapora import clock
from vapora.api import metrics
from vapora.api.caller import AskedBy, Caller, caller_of
from vapora.api.cells import Cell, Cells, rehearses
from vapora.api.context import FreshCell
from vapora.api.gate import Admitted, LetIn
from vapora.api.readable_projects import hidden_projects
from vapora.api.request_metrics import RequestMetrics
from vapora.errors import BehindError, UnavailableError, VaporaError
from vapora.log.clock_correction import REMEDY
from vapora.ports import Standing
from vapora.views import Health, Liveness, Progress, QueueView, Status

router = APIRouter(tags=["system"])
status_router = APIRouter(tags=["system"])
# Nobody is asked whether this may be answered: that would touch the log of people.
probe_router = APIRouter(tags=["system"])

# A probe that waits longer counts as failed anyway.
_PATIENCE_S = 3.0

_log = structlog.get_logger("api")


@probe_router.get("/healthz", summary="Tell whether this server answers")
async def get_liveness(request: Request, response: Response) -> Liveness:
    """200 while the process answers, whatever else is the matter: it asks nothing of anybody. For probes that restart
    what gives no answer, and for load balancers; whether work can be done here, `GET /health` says."""
    response.headers["Cache-Control"] = "no-store"
    return Liveness(status="ok", version=request.app.version)


@router.get(
    "/health",
    summary="Tell whether it is ready",
    responses={503: {"model": Health, "description": "Not yet"}},
    response_model_exclude_unset=True,
)
async def get_health(request: Request, response: Response) -> Health:
    """Who does not say who they are, where people sign in, is told `status` and `version` alone."""
    cells: Cells = request.app.state.cells
    providers: dict[str, str] = {}
    paused: dict[str, str] = {}
    problems: list[str] = []
    status, queue, standing = "ok", "", Standing()
    full = ""
    rehearsal = bool(request.app.state.rehearsal)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            known, standing = await _standing(cells)
            # One that sleeps had no problem when it fell asleep, and is not woken to be asked again.
            if known == "awake":
                cell = cells.look(DEFAULT_WORKSPACE)
                problems, cells.queue, full = await asyncio.gather(
                    _problems(cell), cell.queue.queue_health(), cell.queue.disk()
                )
            queue = cells.queue
            providers, paused = await _models(cells)
            rehearsal = rehearsal and await rehearses(cells.system.router(), DEFAULT_WORKSPACE)
        status = "failing" if problems else "ok"
        # Everything else works: who has to make room is to see the board while they do.
        problems += [full] if full else []
    except TimeoutError:
        status, problems = "starting", [f"No answer within {_PATIENCE_S:g} s."]
        # What opens it does not come back in time, and has said before why it cannot.
        if (unopened := cells.unopened.get(DEFAULT_WORKSPACE)) is not None:
            status, problems = "failing", [str(unopened)]
    except (UnavailableError, BehindError) as error:
        status, problems = "starting", [str(error)]
    except VaporaError as error:
        # A log that another process holds, or that is damaged, does not come up by itself.
        status, problems = "failing", [str(error)]
    except Exception as error:  # a probe must be told, whatever it is; the journal has the rest
        _log.exception("health broke")
        status, problems = "failing", [type(error).__name__]
    response.status_code = 200 if status == "ok" else 503
    response.headers["Cache-Control"] = "no-store"
    if not await _is_known(request):
        return Health.model_validate({"status": status, "version": request.app.version})
    return Health.model_validate(
        {
            "status": status,
            "version": request.app.version,
            "model": "rehearsal" if rehearsal else "real",
            "providers": providers,
            "paused_models": paused,
            "reason": problems[0] if problems else "",
            "problems": tuple(problems),
            "queue": queue,
            "cells": {"awake": len(standing.awake), "asleep": standing.asleep, "archived": standing.archived},
        }
    )


@router.get("/metrics", response_class=PlainTextResponse, summary="Numbers for Prometheus")
async def get_metrics(request: Request, admitted: LetIn, caller: AskedBy) -> PlainTextResponse:
    """Of the workspaces that who asks belongs to, and of this server. They are sums over all projects: those of a
    workspace with projects that who asks may not read are left out."""
    cells: Cells = request.app.state.cells
    request_metrics: RequestMetrics = request.app.state.request_metrics
    providers: dict[str, str] = {}
    paused: dict[str, str] = {}
    states: list[metrics.WorkspaceState] = []
    standing = Standing()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, standing = await _standing(cells)
            providers, paused = await _models(cells)
    except (VaporaError, TimeoutError) as error:
        _log.warning("metrics without the cells", error=str(error))
    else:
        asked = await asyncio.gather(*(_state(cells.look(one)) for one in sorted(standing.awake)))
        # Of those that sleep nobody is asked: what was said last still holds.
        asked += cells.last_states(standing.awake, asked)
        states = [one for one in asked if await _reads_all(cells, admitted, caller, one.workspace)]
    own = request_metrics.registry.collect()
    families = metrics.Exposition(states, providers, paused, own, standing, request.app.version)
    # generate_latest asks a registry for nothing but `collect`.
    text: bytes = generate_latest(families)
    return PlainTextResponse(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


@status_router.get("/status", summary="Tell how far the read models are")
async def get_status(cell: FreshCell) -> Status:
    log = await cell.log.health()
    return (await _status(cell)).model_copy(update={"clock": log["clock"]})


@status_router.get("/position", summary="Tell where the read models and the log are")
async def get_position(cell: FreshCell) -> Progress:
    """Cheap: it reads no row. With `after`, it waits as every read does."""
    position = await cell.read(lambda rows: rows.position)
    return Progress(position=position, head=await cell.log.head())


async def _reads_all(cells: Cells, admitted: Admitted, caller: Caller, workspace: str) -> bool:
    """Whether they belong to it, and none of its projects is hidden from them."""
    if not await admitted.gate.is_member(caller, workspace):
        return False
    there = await admitted.gate.place(caller, "get_costs", workspace, admitted.correlation)
    return not await hidden_projects(there, cells.look(workspace))


async def _standing(cells: Cells) -> tuple[str, Standing]:
    """How the default workspace stands, and all of them; it is opened where that is not known yet."""
    known, standing = await cells.system.standing(DEFAULT_WORKSPACE)
    # One that another installation holds says so when it is opened.
    if known in ("unknown", "elsewhere"):
        await cells.open(DEFAULT_WORKSPACE)
        known, standing = await cells.system.standing(DEFAULT_WORKSPACE)
    return known, standing


async def _is_known(request: Request) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await caller_of(request)
    except (VaporaError, TimeoutError):
        return False  # a probe need not be anybody
    return True


async def _models(cells: Cells) -> tuple[dict[str, str], dict[str, str]]:
    """Providers, and the single models that are left alone."""
    router = cells.system.router()
    return await router.providers(DEFAULT_WORKSPACE), await router.paused_models(DEFAULT_WORKSPACE)


async def _problems(cell: Cell) -> list[str]:
    log, rows = await asyncio.gather(cell.log.health(), cell.projector.health())
    problems = [] if log["status"] == "ok" else [f"the log is {log['status']}: {log['reason']}"]
    if log["clock"]:
        problems.append(f"{log['clock']}. {REMEDY}")
    if rows["problem"]:
        problems.append(f"the read models do not get on: {rows['problem']}")
    return problems + [f"the projection {name} has stopped at {why}" for name, why in rows["failed"].items()]


async def _status(cell: Cell) -> Status:
    head = await cell.log.head()
    said: dict[str, Any] = await cell.projector.status()
    return Status(position=said["position"], head=head, failed=said["failed"], rebuilding=said["rebuilding"])


async def _state(cell: Cell) -> metrics.WorkspaceState:
    now = clock.now()
    # Side by side: a NATS that hangs hides no other number.
    asking = asyncio.create_task(_queue(cell))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            log, said = await asyncio.gather(cell.log.health(), cell.projector.status())
            reading = await cell.read(lambda rows: metrics.read(rows, cell.workspace, rows.position, now))
    except (VaporaError, TimeoutError) as error:
        _log.warning("metrics without a workspace", workspace=cell.workspace, error=str(error))
        return metrics.WorkspaceState(cell.workspace, None, queue=await asking)
    followers = {"read-models": said["position"], **said.get("followers", {})}
    return metrics.WorkspaceState(
        cell.workspace, reading, log["head"], tuple(said["failed"]), await asking, followers, metrics.commits_of(log)
    )


async def _queue(cell: Cell) -> QueueView | None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await cell.queue.queue_status()
    except (VaporaError, TimeoutError) as error:
        _log.warning("metrics without the queue", workspace=cell.workspace, error=str(error))
        return None
