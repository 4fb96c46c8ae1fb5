"""Having a step answered: one call of the router, or what the run waits for where it gives none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from actors.agent import taking_over
from actors.agent.code_calls import call_of_code
from actors.agent.conversation import conversation
from actors.agent.forks import forked
from actors.agent.prompts import call_of_step, call_with_tools
from actors.agent.run_under_way import RunUnderWay
from actors.agent.served_calls import specs_of
from actors.agent.waiting_for_money import LONGEST_SLEEP_S, wait_for_money
from actors.messages import Answered, Call, CallOutcome, NoProvider, OutOfBudget
from events import Recorded
from events.ids import WaitReason, run_stream
from events.secret import SecretStored
from vapora.domain import run as rules
from vapora.domain.model_quality import Evidence
from vapora.domain.next_step import Ask, Fail, without_another
from vapora.domain.run import Run
from vapora.domain.work import next_action, works_with_tools
from vapora.errors import VaporaError
from vapora.log.client import Polled

_KEYS = (SecretStored.TOPIC,)


async def ask_model(one: RunUnderWay, run: Run, ask: Ask, held: bool) -> tuple[Run, bool]:
    """Have the next step answered, or wait for what it lacks; whether the step after it is paid for.

    `held`: this step is.
    """
    # Taken before asking, so that a limit raised while the answer is "no" is not missed. Only once the card says
    # that it waits: until then the run asks again at once.
    seen = await one.means.log.head() if run.waiting else None
    # As the project is now: nothing more of it goes to a provider that was taken off its list a moment ago.
    project = await one.project()
    call = await _call(one, run, ask, held)
    call = replace(
        call,
        routing=replace(call.routing, learned=await _learned(one, run)),
        model=run.started.model if run.started else None,
        providers=project.providers if project is not None else (),
        run_version=run.version - len(one.unsaid),
        opening=one.unsaid,
    )
    with one.at("model", call.call_id, one.means.limits.model_s, call.run_version):
        outcome = await one.means.router.complete(call)
    run = one.appended(run, outcome.events)
    if isinstance(outcome, Answered):
        return run, outcome.held
    return await _obstacle(one, run, outcome, seen), False


async def _learned(one: RunUnderWay, run: Run) -> tuple[Evidence, ...] | None:
    """What runs say of models at its type of task, as its first call finds it: a run is not to change its model midway
    for what others did. No run waits, or fails, because nobody remembers."""
    started = run.started
    if one.means.evidence is None or started is None:
        return None
    if one.evidence is None:
        try:
            one.evidence = await asyncio.to_thread(one.means.evidence, started.task_type, started.simulated)
        except VaporaError as error:
            structlog.get_logger("agent").warning("models by their baselines", run=one.id, why=str(error))
    return one.evidence


async def _call(one: RunUnderWay, run: Run, ask: Ask, held: bool) -> Call:
    begun, assignment, manifest = run.started, one.assignment, one.manifest
    assert begun is not None
    if one.by_code and one.asked is not None:
        asked = one.asked
        return await one.reading(run, lambda: call_of_code(one, run, asked, ask))
    if not works_with_tools(begun):
        return await one.reading(run, lambda: call_of_step(assignment, manifest, run, ask, one.text, held=held))
    before, system = await forked(one), begun.system
    return await one.reading(
        run,
        lambda: call_with_tools(
            assignment,
            manifest,
            run,
            ask,
            conversation(run, one.text, before),
            one.text(system) if system else "",
            specs_of(run, one.text),
        ),
    )


async def _obstacle(one: RunUnderWay, run: Run, outcome: CallOutcome, seen: int | None) -> Run:
    """Show what the run waits for, and wait; or end it if waiting is in vain."""
    if isinstance(next_action(run), Fail):
        return run
    refused = without_another(run)
    if refused is not None and not (isinstance(outcome, OutOfBudget) and outcome.contended):
        # The other model was a second chance, not something to wait for.
        return await one.end(run, rules.fail(run, refused.reason, counts=refused.counts))
    match outcome:
        case OutOfBudget() as lacking:
            run = await wait_for_money(one, run, lacking, seen)
        case NoProvider(remedy=remedy, retry_at=retry_at):
            run = await one.append(run, rules.wait(run, WaitReason.PROVIDER, remedy))
            await _until_key(one, retry_at, seen)
        case _:
            run = await one.end(run, rules.fail(run, getattr(outcome, "reason", "no answer"), counts=False))
    return run


async def _until_key(one: RunUnderWay, instant: datetime, seen: int | None) -> None:
    """Until `instant`, the run is called off, or a secret was stored: perhaps the key for which it waits."""
    seen = await one.means.log.head() if seen is None else seen
    while one.called_off is None:
        one.moved()
        left = min((instant - one.means.clock()).total_seconds(), LONGEST_SLEEP_S)
        if left <= 0:
            return
        polled = await one.unless_called_off(_unless_over(one.means.log.poll(seen, 1, left, _KEYS), one, left))
        if polled is not None:
            if polled.events:
                return
            seen = polled.position


async def _unless_over(
    polling: Coroutine[Any, Any, Polled[Recorded]], one: RunUnderWay, seconds: float
) -> Polled[Recorded] | None:
    """What is polled for; None where the time is over first."""
    polled, sleeping = asyncio.ensure_future(polling), asyncio.ensure_future(one.means.sleep(seconds))
    try:
        await asyncio.wait((polled, sleeping), return_when=asyncio.FIRST_COMPLETED)
        return polled.result() if polled.done() else None
    finally:
        polled.cancel()
        sleeping.cancel()


async def resolve(one: RunUnderWay, run: Run) -> tuple[Run, bool]:
    """A call was chosen and paid for, but no outcome is recorded: join it, use it, or count it as lost."""
    call = run.open_call
    if call is None:
        return run, False
    if taking_over.never_came_back(one, "model", call.call_id, call.attempt):
        await one.means.router.abandon(call.call_id)
        one.gave_up = True
    with one.at("model", call.call_id, one.means.limits.model_s, run.version):
        known = await one.means.router.attach(call.call_id)
    if known is True:
        return run, True
    if known is False:
        along = ((run_stream(one.id), run.version, rules.lose_call(run)),)
        origin = one.assignment.origin
        await one.means.budget_watch.book_unknown(origin, call.call_id, call.attempt, "answer lost", along)
    now = await one.load()
    if known is False and now.open_call == call:
        # Its money was closed before (it expired meanwhile, or was handed back unsent): only the mark is missing.
        now = await one.append(now, rules.lose_call(now))
    return now, False
