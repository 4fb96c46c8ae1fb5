"""Tools of servers in a run: which it is offered, and a call of one, through the gateway."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from actors.agent.forks import forked
from actors.agent.run_under_way import RunUnderWay
from actors.agent.waiting_for_money import wait_for_money
from actors.agent.waiting_for_people import known_of_task, next_of_task, position_of_last
from actors.work_messages import ToolOutcome
from events.base import DomainEvent
from events.content import Content
from events.ids import TOOL_SERVERS, WaitReason, run_stream
from events.run import AskedCall, ModelCalled, OfferedTool, RunStarted, ToolBegun, ToolsOffered, ToolUsed
from events.task import ToolCallDecided
from vapora.catalog import RoleManifest
from vapora.domain import outside_text
from vapora.domain import run as rules
from vapora.domain.run import Run
from vapora.domain.tool_names import shown
from vapora.domain.work import UseTool
from vapora.errors import UnavailableError
from vapora.llm.protocol import ToolSpec
from vapora.ports import ServedCall, ServedOutcome, ServedTools

_LOST = (
    "Nobody knows whether this call took effect: it went out, and what it was to bring was lost. It was not made "
    "again. Find out how things stand before you repeat it."
)


def offered_tool(run: Run, name: str) -> OfferedTool | None:
    return next((one for one in run.offered.tools if one.name == name), None) if run.offered is not None else None


async def decided(one: RunUnderWay, run: Run, use: UseTool, tool: OfferedTool) -> tuple[Run, bool | None, str]:
    """Whether the call may go out now: True, or False where a person refused it, with the reason; None where that is
    not decided yet, and the run was called off or paused while it waited."""
    read_from = outside_text.read_by(run, one.assignment.task.context, await forked(one))
    if not outside_text.needs_approval(tool, read_from):
        return run, True, ""
    name, arguments = use.request.name, use.request.arguments
    digest = outside_text.seen(name, arguments)
    # Since it was asked for, by a model or by code: what is decided holds for this call, also after a crash.
    since = await position_of_last(one, ModelCalled, *((ToolUsed,) if one.by_code else ()))

    def decides(event: DomainEvent) -> bool:
        return isinstance(event, ToolCallDecided) and event.run_id == one.id and event.seen == digest

    found = await known_of_task(one, since, decides)
    if found is None:
        said = json.dumps(dict(arguments), ensure_ascii=False, sort_keys=True)
        asked = AskedCall(tool=name, arguments=await one.keep(said), seen=digest)
        remedy = outside_text.asked(name, arguments, read_from)
        run = await one.append(run, rules.wait(run, WaitReason.APPROVAL, remedy, asked))
        found = await next_of_task(one, since, ToolCallDecided.TOPIC, decides)
    if found is None or not isinstance(found.event, ToolCallDecided):
        return run, None, ""
    if run.waiting is WaitReason.APPROVAL:
        run = await one.append(run, rules.resume(run))
    return run, found.event.allowed, found.event.comment


async def call(one: RunUnderWay, run: Run, use: UseTool, tool: OfferedTool) -> tuple[Run, ToolOutcome | None]:
    """None where the run was called off or paused meanwhile, or waited for money. A call that cannot be taken back goes
    out once: what went out and was lost is not sent again."""
    begun = run.started
    assert begun is not None
    gateway = one.means.gateway
    if gateway is None:
        raise UnavailableError("This run needs the gateway to servers of tools, and there is none here.")
    call_id = f"{one.id}/{use.step}.{use.call}"
    outside = tool.effect == "outside"
    # As a call of a model does: taken before asking, so that a limit raised while the answer is "no" is not missed.
    seen = await one.means.log.head() if run.waiting is WaitReason.BUDGET else None
    with one.at("tool", f"{use.step}.{use.call}", tool.timeout_s + one.means.limits.other_s):
        if outside and _went_out(run, use):
            outcome = await one.unless_called_off(gateway.attach(one.assignment.origin.workspace, call_id))
            return run, _read(tool, outcome or ServedOutcome(False, _LOST), {"lost": outcome is None})
        opening = (_goes_out(begun, use),) if outside else ()
        served = _served(one, use, call_id)
        if tool.cost_microusd:
            # Together with its money, or not at all: what waits for money has not gone out.
            opening = (*rules.resume(run), *opening)
            stands = run.version - len(one.unsaid)
            served = replace(served, opening=(run_stream(one.id), stands, (*one.unsaid, *opening)))
        else:
            run = await one.append(run, opening)
        found = await one.unless_called_off(gateway.call(served))
    if found is None:
        return run, None
    if found.no_money is not None:
        return await wait_for_money(one, run, found.no_money, seen), None
    # Refused without having asked for money: then it waits for none either.
    run = one.opened(run, opening) if found.opened else await one.append(run, rules.resume(run))
    return run, _read(tool, found, {})


def _read(tool: OfferedTool, found: ServedOutcome, more: Mapping[str, bool]) -> ToolOutcome:
    data: dict[str, JsonValue] = {
        "server": tool.name.partition(".")[0],
        "outward": tool.outward,
        "reads_outside": tool.reads_outside,
        "cost_microusd": found.cost_microusd,
        **more,
    }
    return ToolOutcome(found.ok, found.text, "", found.duration_ms, found.truncated, data=data)


def _went_out(run: Run, use: UseTool) -> bool:
    before = run.begun_tool
    return before is not None and (before.step, before.call, before.call_id) == (use.step, use.call, use.call_id)


def _goes_out(begun: RunStarted, use: UseTool) -> ToolBegun:
    return ToolBegun(
        run_id=begun.run_id,
        task_id=begun.task_id,
        step=use.step,
        call=use.call,
        call_id=use.call_id,
        name=use.request.name,
    )


def _served(one: RunUnderWay, use: UseTool, call_id: str) -> ServedCall:
    assignment = one.assignment
    return ServedCall(
        workspace=assignment.origin.workspace,
        actor=f"agent:{assignment.agent_id}",
        call_id=call_id,
        name=use.request.name,
        arguments=dict(use.request.arguments),
        project_id=assignment.task.project_id,
        task_id=assignment.task.id,
        run_id=one.id,
        agent_id=assignment.agent_id,
        role=assignment.role,
        origin=assignment.origin,
    )


def specs_of(run: Run, text: Callable[[Content], str]) -> tuple[ToolSpec, ...]:
    """The tools of servers that the run is offered, as its model is told of them."""
    if run.offered is None or not run.offered.tools:
        return ()
    known = {one["name"]: one for one in json.loads(text(run.offered.specs))}
    told = (known[one.name] for one in run.offered.tools)
    return tuple(ToolSpec(**one | {"name": shown(one["name"])}) for one in told)


async def offer(one: RunUnderWay, manifest: RoleManifest) -> ToolsOffered | None:
    """What the run is offered of the workspace's servers; None where neither its role nor the workspace names any, so
    that nobody begins a gateway who does not need one."""
    gateway, assignment = one.means.gateway, one.assignment
    state = (await one.means.tool_servers.load(TOOL_SERVERS)).state
    if gateway is None or not (manifest.served_tools or (state is not None and state.servers)):
        return None
    try:
        found = await gateway.offered(
            assignment.origin.workspace,
            assignment.role,
            manifest.served_tools,
            assignment.task.project_id,
            looks_only=assignment.purpose == "review",
        )
    except UnavailableError as error:
        found = ServedTools(missing={"gateway": str(error)})
    if not found.tools and not found.missing:
        return None
    return ToolsOffered(
        run_id=one.id,
        task_id=assignment.task.id,
        tools=found.tools,
        specs=await one.keep(found.specs),
        missing=dict(found.missing),
    )
