"""How a run begins: with its worktree, and with what its model is told first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from actors.agent.attached import attached_text
from actors.agent.briefs import review_brief, work_brief
from actors.agent.code import facts_of
from actors.agent.conversation import results_of_checks
from actors.agent.forks import forked
from actors.agent.prompts import fixed_steps, run_started
from actors.agent.run_under_way import RunUnderWay
from actors.agent.served_calls import offer
from actors.work_messages import BeginRun, Begun
from events import DomainEvent
from events.ids import ChecksVerdict, run_stream, task_stream
from events.knowledge import ExecutionsGiven
from events.task import TaskAssigned
from vapora.domain import run as rules
from vapora.domain.run import Run
from vapora.errors import BadInputError, VaporaError

if TYPE_CHECKING:
    from vapora.knowledge import Telling


async def begin(one: RunUnderWay, run: Run) -> Run:
    """Raises a `VaporaError` where the worktree cannot be had."""
    assignment, manifest = one.assignment, one.manifest
    simulated = await one.means.router.is_simulated(assignment.origin.workspace)
    begun = await _worktree(one)
    past: Telling | None = None
    if assignment.fork is not None and one.by_code:
        raise BadInputError(
            "A run of an agent written in Python cannot go on from a step of another one.",
            remedy="Start another attempt from the base.",
        )
    if assignment.purpose == "review":
        told = await _review(one, begun)
    elif one.by_code:
        past = await _past(one, simulated)
        told = (await facts_of(one, begun, past.text if past and not past.withheld else "")).to_json()
    elif begun is not None:
        past = await _past(one, simulated)
        told = work_brief(assignment, begun, await _files(one), past.text if past and not past.withheld else "")
    else:
        steps = fixed_steps(manifest, one.means.rehearsal_steps if simulated else None)
        # With its first call: what it begins with stands in the assignment already.
        return one.begin(run, rules.start(run, run_started(assignment, steps, simulated)))
    event = run_started(
        assignment,
        (),
        simulated,
        workplace=begun.workplace if begun is not None else None,
        system=await one.keep(manifest.work_prompt if begun is not None else manifest.prompt),
        brief=await one.keep(told),
    )
    events: tuple[DomainEvent, ...] = rules.start(run, event)
    if events and past is not None:
        events += (await _given(one, past, simulated),)
    if (begun is not None or one.by_code) and (offered := await offer(one, manifest)) is not None:
        events += (offered,)
    return await one.append(run, events)


async def _past(one: RunUnderWay, simulated: bool) -> Telling | None:
    """Of earlier work of the same kind. A run that goes on from another has its conversation; and no run waits, or
    fails, because nobody remembers."""
    if one.means.past_work is None or one.assignment.fork is not None:
        return None
    try:
        return await asyncio.to_thread(one.means.past_work.telling, one.id, one.assignment.task, simulated)
    except VaporaError as error:
        structlog.get_logger("agent").warning("not told of past work", run=one.id, why=str(error))
        return None


async def _given(one: RunUnderWay, past: Telling, simulated: bool) -> ExecutionsGiven:
    return ExecutionsGiven(
        run_id=one.id,
        task_id=one.assignment.task.id,
        task_type=one.assignment.task.task_type,
        given=past.given,
        text=await one.keep(past.text),
        withheld=past.withheld,
        simulated=simulated,
    )


async def _worktree(one: RunUnderWay) -> Begun | None:
    assignment, manifest = one.assignment, one.manifest
    if one.means.workplaces is None or (assignment.purpose == "review" and assignment.head is None):
        return None
    project = await one.project()
    if project is not None and project.repo is None:
        return None
    at = assignment.head
    origin = await forked(one)
    if origin is not None and origin.started is not None and origin.started.workplace is not None:
        at = origin.head or origin.started.workplace.head
    tools, writable = manifest.tools_for(assignment.purpose), manifest.writable_for(assignment.purpose)
    return await one.means.workplaces.begin(BeginRun(one.place, tools, writable, at))


async def _review(one: RunUnderWay, begun: Begun | None) -> str:
    """What the author left, from the author's run."""
    told = await one.means.log.read(task_stream(one.assignment.task.id), lenient=True)
    author = next((each.event.run_id for each in reversed(told) if isinstance(each.event, TaskAssigned)), None)
    work = (await one.means.folds.load(run_stream(author))).state if author is not None else None
    work = work or rules.initial()
    text = await one.reading(work, lambda: one.text(work.artifact) if work.artifact is not None else "")
    ran = work.checked[-1].ran if work.checked else None
    if ran is None or ran.verdict is ChecksVerdict.UNCHECKED:
        checks = "The project has none."
    elif ran.verdict is ChecksVerdict.GREEN:
        checks = "All green: " + ", ".join(result.name for result in ran.results)
    else:
        checks = await one.reading(work, lambda: results_of_checks(ran, one.text))
    return review_brief(one.assignment, begun, checks, text, await _files(one))


async def _files(one: RunUnderWay) -> str:
    attachments = one.assignment.task.attachments
    return await asyncio.to_thread(attached_text, attachments, one.text) if attachments else ""
