"""Runs whose work is done by code: an agent written in Python. The code asks, the run's own means carry it out.

What the code asks for is recorded with what comes of it, so that after a crash it is told the same again and comes to
where it was (`vapora.domain.code_run`). Money, permissions, approvals and tools are those of every other run.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from actors.agent.conversation import told_of_red
from actors.agent.run_under_way import RunUnderWay
from actors.work_messages import Begun
from events.content import Content
from events.ids import WaitReason
from events.run import CodeStepAsked, ModelCalled, ToolUsed
from vapora.agents.body import Body
from vapora.agents.facts import Facts, Project, Task
from vapora.agents.requests import Raised, Request, Told, Wish
from vapora.domain import code_run as rules
from vapora.domain import run as runs
from vapora.domain.code_run import Diverged, NeedsTool, Note, TellAnswer, TellResult, TellValue
from vapora.domain.next_step import Ask, Fail
from vapora.domain.run import Run
from vapora.domain.tool_names import named
from vapora.domain.work import Action, Wait, before_work, offered_tools

# Beyond its own limit a body is ended by its agent, and not taken for an agent that is stuck.
_LEEWAY_S = 60.0


async def facts_of(one: RunUnderWay, begun: Begun | None, past: str) -> Facts:
    """What the code is to know of its run; recorded when that begins."""
    assignment = one.assignment
    task, project = assignment.task, await one.project()
    return Facts(
        run_id=one.id,
        agent_id=assignment.agent_id,
        task=Task(
            id=task.id,
            title=task.title,
            description=task.description,
            type=task.type.value,
            task_type=task.task_type,
            priority=task.priority,
            context=dict(task.context),
            deadline=task.deadline.isoformat() if task.deadline is not None else None,
            comment=task.comment,
            comments=tuple(each.text for each in assignment.comments),
        ),
        project=Project(
            id=task.project_id,
            name=project.name if project is not None else "",
            description=project.description if project is not None else "",
            branch=begun.workplace.branch if begun is not None else "",
        ),
        past_work=past,
        attempt=assignment.attempt,
    )


async def next_of_code(one: RunUnderWay, run: Run) -> tuple[Run, Action | None]:
    """What the run does next, once the code was told all that is known already. None: it was called off, paused or
    resumed meanwhile."""
    first = before_work(run, paused=one.paused)
    if first is not None:
        return run, first
    agent = one.means.crew.agents.get(one.manifest.code)
    if agent is None:
        return run, _without_code(one)
    if run.waiting is WaitReason.HUMAN:
        run = await one.append(run, runs.resume(run))
    if one.body is None:
        one.body = Body(agent, await _facts(one, run))
    while True:
        with one.at("code", limit_s=agent.step_limit_s + _LEEWAY_S):
            said = await one.unless_called_off(_next(one.body, agent.step_limit_s))
        if said is None:
            return run, None
        if isinstance(said, Raised):
            return run, Fail(said.reason, counts=said.counts)
        if not isinstance(said, Request):
            after = rules.after_code(run, said.product, round=one.round, told=one.told)
            if not isinstance(after, rules.Again):
                return run, after
            one.round += 1
            one.body = Body(agent, await _facts(one, run, after), one.told)
            continue
        run, action = await _step(one, run, said)
        if action is not None:
            return run, action


async def _facts(one: RunUnderWay, run: Run, again: rules.Again | None = None) -> Facts:
    brief = run.started.brief if run.started is not None else None
    assert brief is not None
    facts = Facts.from_json(await one.reading(run, lambda: one.text(brief)))
    if again is None:
        return facts
    return replace(facts, failed_checks=await asyncio.to_thread(told_of_red, again.ran, one.text))


async def _step(one: RunUnderWay, run: Run, said: Request) -> tuple[Run, Action | None]:
    """One thing that the code asks for: carried out, or told; None: told, so that it goes on."""
    assert one.body is not None
    content = await one.keep(said.text)
    value = await one.keep(said.value) if said.value is not None else None
    asked = rules.Asked(said.number, said.kind, said.name, content, value)
    while True:
        move = rules.next_move(run, asked)
        match move:
            case Note():
                run = await _note(one, run, asked)
                continue
            case Diverged(recorded=recorded):
                was = await asyncio.to_thread(one.text, recorded.asked)
                return run, Fail(
                    rules.difference(
                        said.number,
                        rules.shown(recorded.kind, recorded.name, was),
                        rules.shown(said.kind, said.name, said.text),
                    ),
                    counts=True,
                )
            case TellAnswer(answer=answer):
                told = await _answer(one, run, answer)
            case TellResult(used=used):
                told = await _result(one, used)
            case TellValue(value=None):
                # Found out in the code's own thread, which then asks for the same step once more.
                one.body.tell(Told(known=False))
                return run, None
            case TellValue(value=known):
                assert known is not None
                told = Told(await asyncio.to_thread(one.text, known))
            case NeedsTool():
                return run, rules.use_of_code(one.id, asked, dict(said.asked["arguments"]))  # type: ignore[arg-type]
            case Ask() | Fail():
                one.asked = said
                return run, move
        one.told = said.number + 1
        one.body.tell(told)
        return run, None


async def _note(one: RunUnderWay, run: Run, asked: rules.Asked) -> Run:
    """What is asked stands in the append of what comes of it; a value is all there is of its step."""
    assert run.started is not None
    event = CodeStepAsked(
        run_id=one.id,
        task_id=run.started.task_id,
        step=asked.step,
        kind=asked.kind,
        name=asked.name,
        asked=asked.content,
        value=asked.value,
        simulated=run.started.simulated,
    )
    return await one.append(run, (event,)) if asked.kind == "value" else one.begin(run, (event,))


async def _next(body: Body, limit_s: float) -> Any:
    try:
        async with asyncio.timeout(limit_s):
            return await body.next()
    except TimeoutError:
        return Raised(f"Its code took more than {limit_s:g} s between two steps (step_limit_s of the agent).")


async def _answer(one: RunUnderWay, run: Run, answer: ModelCalled) -> Told:
    offered = offered_tools(run)
    wishes = tuple(Wish(named(each.name, offered), each.arguments) for each in answer.tool_calls)
    return Told(await _text(one, answer.answer), wishes=wishes)


async def _result(one: RunUnderWay, used: ToolUsed) -> Told:
    lost = used.data.get("lost") is True
    return Told(await _text(one, used.result), ok=used.ok, lost=lost, truncated=used.truncated)


async def _text(one: RunUnderWay, content: Content) -> str:
    return content.text if content.text is not None else await asyncio.to_thread(one.text, content)


def _without_code(one: RunUnderWay) -> Wait:
    """Nobody else can do it: the run waits for a start that has the code."""
    name = one.manifest.code
    broken = "".join(f" {point} cannot be used: {why}." for point, why in one.means.crew.broken.items())
    remedy = (
        f"The code of the agent {name} is not here. Install its package for the process that runs VAPORA, or pass it "
        f"to vapora.local(agents=[…]), and start that again.{broken}"
    )
    return Wait(WaitReason.HUMAN, remedy)
