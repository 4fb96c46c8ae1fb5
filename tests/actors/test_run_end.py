"""The end of a run stands in one append with what led to it and with the move of its card, if that is as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.messages import Assignment
from events import DomainEvent, Recorded
from events.budget import SpendSettled
from events.ids import Provider, run_stream, task_stream
from events.routing import ProviderSelected
from events.run import ArtifactRecorded, ModelCalled, RunCancelled, RunFailed, RunStarted, RunSucceeded
from events.task import TaskAssigned, TaskCommented, TaskCompleted, TaskFailed, TaskRecalled, TaskSubmitted
from tests.actors.kit import Line, ScriptedClient, everything, ledger_of, log_writer, of_kind, seen
from tests.actors.test_agent import ENDS, ROLE, Actors, assignment, log_of, open_system
from vapora.clock import now
from vapora.domain import task as tasks
from vapora.domain.audit import violations
from vapora.domain.run_end import Card
from vapora.log.client import LogClient

TASK = task_stream("task-1")
STEPS = len(ROLE.steps)


async def given_out(log: LogClient) -> Assignment:
    """A task that was submitted and assigned, and its card as the coordinator has it then."""
    one = assignment()
    task = one.task
    submitted = TaskSubmitted(
        task_id=task.id, project_id=task.project_id, title=task.title, task_type=task.task_type, review=task.review
    )
    assigned = TaskAssigned(
        task_id=task.id,
        run_id=one.run_id,
        agent_id=one.agent_id,
        role=one.role,
        subject="s",
        candidates=(),
        reason="the only one",
        policy="best",
        propensity=1,
    )
    stands = await log.append(one.origin, (TASK, 0, (submitted, assigned)))
    on_the_card = tasks.fold([submitted, assigned])
    assert on_the_card is not None
    return replace(one, card=Card(2, on_the_card), origin=replace(one.origin, causation=stands.position))


async def by_append(log: LogClient) -> list[list[type[DomainEvent]]]:
    """The kinds of events, an append each, from the run's first one on."""
    found: dict[str, list[type[DomainEvent]]] = {}
    for one in await everything(log):
        found.setdefault(one.request_id, []).append(type(one.event))
    return list(found.values())[1:]


async def test_the_last_answer_stands_in_one_append_with_the_end_of_its_run_and_the_move_of_its_card() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        await system.agent().perform([await given_out(log)])
        await seen(log, TaskCompleted)
        appends = await by_append(log)
        assert len(appends) == 1 + STEPS
        assert RunStarted in appends[0]
        assert ProviderSelected in appends[0]
        assert appends[-1] == [SpendSettled, ModelCalled, ArtifactRecorded, RunSucceeded, TaskCompleted]


@pytest.mark.parametrize("killed_after", range(1, 1 + STEPS + 1))
async def test_a_run_killed_after_any_append_ends_once_and_nothing_is_asked_twice(killed_after: int) -> None:
    async with log_writer(now) as writer:
        log, clients = log_of(writer), {Provider.ANTHROPIC: ScriptedClient(Provider.ANTHROPIC)}
        given = await given_out(log)
        line = Line(writer)
        line.dies_after = killed_after
        first = Actors(line, clients)
        await first.start()
        await first.agent().perform([given])
        await line.dead.wait()
        await first.kill()
        second = Actors(writer, clients)
        await second.start()
        await second.agent().perform([given])
        await seen(log, TaskCompleted)
        recorded = await everything(log)
        assert sum(isinstance(one.event, (*ENDS, TaskCompleted)) for one in recorded) == 2
        assert [one.step for one in await of_kind(log, ModelCalled)] == list(range(STEPS))
        assert not (await ledger_of(log)).open
        assert not violations(recorded, "acme")
        lengths = [len(request.messages) for request in clients[Provider.ANTHROPIC].requests]
        assert len(set(lengths)) == len(lengths)
        await second.kill()


@pytest.mark.parametrize("recalled", [False, True])
async def test_a_card_that_changed_meanwhile_is_not_moved_with_the_last_answer(recalled: bool) -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        client, given = system.clients[Provider.ANTHROPIC], await given_out(log)
        agent = system.agent()
        client.gate.clear()
        await agent.perform([given])
        for step in range(1, STEPS):
            await client.asked(step)
            client.gate.set()
        client.gate.clear()  # the last answer waits
        await client.asked(STEPS)
        said: DomainEvent = TaskCommented(task_id="task-1", comment_id="c", text="Well?")
        if recalled:
            said = TaskRecalled(task_id="task-1", run_id=given.run_id)
            await agent.cancel(given, "recalled")
        await log.append(given.origin, (TASK, 2, (said,)))
        client.gate.set()
        [end] = await seen(log, RunCancelled if recalled else RunSucceeded)
        answers = [one for one in await everything(log) if isinstance(one.event, ModelCalled)]
        # Every answer is recorded and paid for; the end stands behind the last one, in an append of its own.
        assert len(answers) == STEPS
        assert end.request_id not in {one.request_id for one in answers}
        assert not await of_kind(log, TaskCompleted)
        assert not (await ledger_of(log)).open
        assert len(client.requests) == STEPS


async def test_a_run_that_fails_takes_its_card_along() -> None:
    async with open_system(Provider.ANTHROPIC) as (system, log, _):
        given = await given_out(log)
        assert given.card is not None
        await system.agent().perform([replace(given, role="wizard")])
        [failed] = await seen(log, TaskFailed)
        assert _stream_ends(await everything(log), run_stream(given.run_id)) == [RunFailed]
        [run_failed] = [one for one in await everything(log) if isinstance(one.event, RunFailed)]
        assert failed.request_id == run_failed.request_id


def _stream_ends(recorded: list[Recorded], stream: str) -> list[type[DomainEvent]]:
    return [type(one.event) for one in recorded if one.stream == stream and isinstance(one.event, ENDS)]
