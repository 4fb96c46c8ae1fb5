"""Carrying out what a run with tools does next, apart from asking the model. Each outcome is recorded at once."""

from __future__ import annotations

import json
from typing import Any

from actors.agent import served_calls, taking_over
from actors.agent.permission import is_well_formed
from actors.agent.run_under_way import RunUnderWay
from actors.agent.waiting_for_people import next_of_task, position_of_last
from actors.work_messages import CommandRan, ToolOutcome
from actors.work_messages import RunChecks as ChecksWanted
from actors.work_messages import UseTool as ToolWanted
from events import DomainEvent
from events.access import AccessDenied
from events.ids import ChecksVerdict, WaitReason
from events.run import (
    ChecksRan,
    OfferedTool,
    QuestionAsked,
    RunStarted,
    RunWaiting,
    SetupRan,
    ToolUsed,
)
from events.task import TaskCommented, TaskResumed
from events.work import CommandResult, Workplace
from vapora.domain import run as rules
from vapora.domain.code_run import asked_by_code
from vapora.domain.run import Run
from vapora.domain.work import AwaitAnswer, RunChecks, UseTool, Wait, offered_tools, use_of
from vapora.errors import UnavailableError
from vapora.tools.hand_over import hand_over
from vapora.tools.table import TOOLS

_LONGEST_REMEDY = 1_000


async def set_up(one: RunUnderWay, run: Run) -> Run:
    begun, place = _begun(run)
    if taking_over.never_came_back(one, "setup", ""):
        await taking_over.end_tools(one)
    with one.at("setup", limit_s=4 * one.means.limits.tool_s):
        outcome = await one.unless_called_off(_workplaces(one).set_up(one.place, place))
    if outcome is None:
        return run
    event = SetupRan(
        run_id=begun.run_id,
        task_id=begun.task_id,
        results=await _results(one, outcome.results),
        reused=outcome.reused,
        copied=outcome.copied,
        ok=outcome.ok,
    )
    return await one.append(run, (event,))


async def use_tool(one: RunUnderWay, run: Run, use: UseTool) -> Run:
    """The call's result, good or bad; or, for `ask`, the question."""
    tool, begun = TOOLS.get(use.request.name), _started(run)
    offered = offered_tools(run)
    served = served_calls.offered_tool(run, use.request.name)
    if use.request.name in offered and (refused := await _refused(one, begun, use, served)) is not None:
        return await one.append(run, refused)
    if served is not None:
        return await _use_served(one, run, use, served)
    if tool is not None and tool.act is None and use.request.name in offered:
        result = hand_over(tool, use.request.arguments)
        if tool.effect == "asks" and result.ok:
            return await one.append(run, (_question(one, begun, use, result.data),))
        outcome = ToolOutcome(result.ok, result.text, "", 0, result.truncated, data=result.data)
        return await one.append(run, (await _used(one, begun, use, outcome),))
    if begun.workplace is None:
        text = f"You have no tool {use.request.name!r:.100}. You have {', '.join(offered)}."
        return await one.append(run, (await _used(one, begun, use, ToolOutcome(False, text, "", 0)),))
    wanted = ToolWanted(
        place=one.place,
        workplace=begun.workplace,
        at=run.head or begun.workplace.head,
        step=use.step,
        call=use.call,
        name=use.request.name,
        arguments=use.request.arguments,
    )
    name = f"{use.step}.{use.call}"
    if taking_over.never_came_back(one, "tool", name):
        await taking_over.end_tools(one)
        text = f"{use.request.name} did not come to an end, and was ended with all that it had begun."
        return await one.append(run, (await _used(one, begun, use, ToolOutcome(False, text, "", 0)),))
    with one.at("tool", name, one.means.limits.tool_s):
        used = await one.unless_called_off(_workplaces(one).use_tool(wanted))
    return run if used is None else await one.append(run, (await _used(one, begun, use, used),))


async def _use_served(one: RunUnderWay, run: Run, use: UseTool, tool: OfferedTool) -> Run:
    """A tool of a server: through the gateway, and past a person where it must be."""
    begun = _started(run)
    run, allowed, said = await served_calls.decided(one, run, use, tool)
    if allowed is None:
        return run
    if not allowed:
        text = f"A person refused this call. {said}".strip()
        data: dict[str, Any] = {"refused": True}
        return await one.append(run, (await _used(one, begun, use, ToolOutcome(False, text, "", 0, data=data), tool),))
    run, outcome = await served_calls.call(one, run, use, tool)
    return run if outcome is None else await one.append(run, (await _used(one, begun, use, outcome, tool),))


async def run_checks(one: RunUnderWay, run: Run, checks: RunChecks) -> Run:
    begun, place = _begun(run)
    wanted = ChecksWanted(one.place, place, checks.head, checks.round)
    if taking_over.never_came_back(one, "checks", f"{checks.round}"):
        await taking_over.end_tools(one)
    limit_s = sum(each.timeout_s for each in place.checks) + one.means.limits.other_s
    with one.at("checks", f"{checks.round}", limit_s):
        ran = await one.unless_called_off(_workplaces(one).run_checks(wanted))
    if ran is None:
        return run
    red = any(result.exit_code != 0 for result in ran)
    green = ChecksVerdict.GREEN if place.checks else ChecksVerdict.UNCHECKED
    event = ChecksRan(
        run_id=begun.run_id,
        task_id=begun.task_id,
        head=checks.head,
        round=checks.round,
        verdict=ChecksVerdict.RED if red else green,
        results=await _results(one, ran),
        sandbox=place.sandbox,
        simulated=begun.simulated,
    )
    return await one.append(run, (event,))


async def await_answer(one: RunUnderWay, run: Run, waiting: AwaitAnswer) -> Run:
    """The first comment on the card that answers the question is the result of the tool call."""
    question, begun = waiting.question, _started(run)
    remedy = f"Answer its question: {question.question}"[:_LONGEST_REMEDY]
    run = await one.append(run, rules.wait(run, WaitReason.ANSWER, remedy))
    asked_at = await position_of_last(one, QuestionAsked)

    def answers(event: DomainEvent) -> bool:
        return isinstance(event, TaskCommented) and event.answers == question.call_id and event.task_id == begun.task_id

    found = await next_of_task(one, asked_at, TaskCommented.TOPIC, answers)
    if found is None:
        return run
    # Code asks by itself, a model by the tool calls of its answer.
    use = asked_by_code(question) if one.by_code else use_of(run, run.answers[-1], question.call)
    said = ToolOutcome(True, found.event.text, "", 0)  # type: ignore[attr-defined]
    return await one.append(run, (*rules.resume(run), await _used(one, begun, use, said)))


async def wait(one: RunUnderWay, run: Run, reason: Wait) -> Run:
    """Until a person resumes the run."""
    run = await one.append(run, rules.wait(run, reason.reason, reason.remedy))
    if reason.reason is WaitReason.PAUSED:
        await one.until_resumed()
        return run
    since = await position_of_last(one, RunWaiting)
    task_id = _started(run).task_id
    found = await next_of_task(
        one, since, TaskResumed.TOPIC, lambda event: isinstance(event, TaskResumed) and event.task_id == task_id
    )
    return run if found is None else await one.append(run, rules.resume(run))


async def _refused(
    one: RunUnderWay, begun: RunStarted, use: UseTool, served: OfferedTool | None
) -> tuple[DomainEvent, ...] | None:
    """What is recorded where the policies do not let the agent use this tool: a result that the model reads, and a
    refusal for the audit trail. None where they let it, and where the tool takes no such arguments."""
    name = use.request.name
    if served is None and (name not in TOOLS or not is_well_formed(name, use.request.arguments)):
        return None
    decision = await one.means.permission.decide(one.assignment, use, served)
    if decision.allowed:
        return None
    text = f"You may not use {name} here. {decision.reason} Go on without it, or ask a person."
    denied = AccessDenied(
        principal=f"agent:{one.assignment.agent_id}",
        action=f"tool:{name}",
        resource=f"task/{begun.task_id}",
        reason=decision.reason,
    )
    return await _used(one, begun, use, ToolOutcome(False, text, "", 0), served), denied


def _question(one: RunUnderWay, begun: RunStarted, use: UseTool, data: dict[str, Any]) -> QuestionAsked:
    options = "".join(f"\n- {option}" for option in data.get("options", ()))
    return QuestionAsked(
        run_id=begun.run_id,
        task_id=begun.task_id,
        agent_id=one.assignment.agent_id,
        step=use.step,
        call=use.call,
        call_id=use.call_id,
        question=f"{data['question']}{options}",
    )


async def _used(
    one: RunUnderWay, begun: RunStarted, use: UseTool, outcome: ToolOutcome, served: OfferedTool | None = None
) -> ToolUsed:
    tool = served or TOOLS.get(use.request.name)
    arguments = json.dumps(use.request.arguments, ensure_ascii=False, sort_keys=True)
    return ToolUsed(
        run_id=begun.run_id,
        task_id=begun.task_id,
        step=use.step,
        call=use.call,
        call_id=use.call_id,
        name=use.request.name,
        arguments=await one.keep(arguments),
        effect=tool.effect if tool is not None else "pure",
        ok=outcome.ok,
        result=await one.keep(outcome.text),
        truncated=outcome.truncated,
        exit_code=outcome.exit_code,
        duration_ms=outcome.duration_ms,
        commit=outcome.commit or None,
        sandbox=outcome.sandbox,
        data=dict(outcome.data),
        simulated=begun.simulated,
    )


async def _results(one: RunUnderWay, ran: tuple[CommandRan, ...]) -> tuple[CommandResult, ...]:
    return tuple(
        [
            CommandResult(
                name=result.name,
                command=result.command,
                exit_code=result.exit_code,
                ended=result.ended,
                duration_ms=result.duration_ms,
                output=await one.keep(result.output),
                truncated=result.truncated,
            )
            for result in ran
        ]
    )


def _started(run: Run) -> RunStarted:
    assert run.started is not None
    return run.started


def _begun(run: Run) -> tuple[RunStarted, Workplace]:
    begun = _started(run)
    assert begun.workplace is not None
    return begun, begun.workplace


def _workplaces(one: RunUnderWay) -> Any:
    if one.means.workplaces is None:
        raise UnavailableError("This run needs the repositories, and there are none here.")
    return one.means.workplaces
