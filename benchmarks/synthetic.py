"""A log as a busy workspace leaves it, of any length: for benchmarks, and to try an installation out at size.

    PYTHONPATH=. python -m benchmarks.synthetic FOLDER EVENTS     # makes FOLDER/workspaces/default/log.db

16 events a task (submitted, assigned, three calls with their money, succeeded, done), twelve tasks at once, one second
between two events, so that 10^6 of them are eleven days.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

from events import DomainEvent, agent, budget, project, routing, run, task
from events.budget import Charge
from events.content import Content
from events.ids import LEDGER, Provider, StreamName, Tier, agent_stream, project_stream, run_stream, task_stream
from events.money import MicroUsd
from events.run import Tokens
from vapora.domain.ledger import windows
from vapora.log.mapper import encode, envelope, instant, seal
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, StoredRecord, StreamAppend
from vapora.settings import Settings

START = datetime(2026, 10, 1, 9, tzinfo=UTC)
WORKSPACE = "default"
_AT_ONCE = 12
_ROLES = ("developer", "tester", "documenter", "reviewer")

Told = tuple[StreamName, DomainEvent, datetime, str]


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def told(clock: _Clock) -> Iterator[tuple[StreamName, DomainEvent, str]]:
    """Stream, event and correlation, without end."""
    yield project_stream("p-1"), project.ProjectCreated(project_id="p-1", name="Shortleaf"), "cor-start"
    for role in _ROLES:
        registered = agent.AgentRegistered(
            agent_id=role, role=role, name=role, task_types=("code-generation",), capacity=_AT_ONCE
        )
        yield agent_stream(role), registered, "cor-start"
    numbers = count()
    under_way = deque(_task(next(numbers), clock) for _ in range(_AT_ONCE))
    while True:
        one = under_way.popleft()
        event = next(one, None)
        if event is None:
            under_way.append(_task(next(numbers), clock))
            continue
        under_way.append(one)
        yield event


def _task(number: int, clock: _Clock) -> Iterator[tuple[StreamName, DomainEvent, str]]:
    task_id, role, correlation = f"t-{number}", _ROLES[number % len(_ROLES)], f"cor-{number:032d}"
    run_id = f"{task_id}.1"
    who = {"agent_id": role, "role": role}
    of = task_stream(task_id)
    submitted = task.TaskSubmitted(
        task_id=task_id,
        project_id="p-1",
        title=f"Task number {number}",
        description="As a person writes it. " * 9,
        task_type="code-generation",
    )
    yield of, submitted, correlation
    candidates = tuple(task.Candidate(agent_id=one, role=one, score=0.5, reason="able", runs=number) for one in _ROLES)
    assigned = task.TaskAssigned(
        task_id=task_id,
        run_id=run_id,
        subject="tasks.code-generation.medium",
        candidates=candidates,
        reason="the best score",
        policy="rank",
        propensity=1.0,
        **who,
    )
    yield of, assigned, correlation
    facts = {"run_id": run_id, "task_id": task_id, "task_type": "code-generation", **who}
    yield run_stream(run_id), run.RunStarted(project_id="p-1", steps=("plan", "write", "check"), **facts), correlation
    for step in range(3):
        yield from ((*one, correlation) for one in _call(run_id, step, facts, clock))
    yield run_stream(run_id), run.RunSucceeded(summary="done", **facts), correlation
    yield of, task.TaskCompleted(task_id=task_id, run_id=run_id), correlation


def _call(run_id: str, step: int, facts: dict[str, str], clock: _Clock) -> Iterator[tuple[StreamName, DomainEvent]]:
    call_id = f"{run_id}/{step}"
    model = {"provider": Provider.ANTHROPIC, "model": "claude-sonnet-5-5"}
    selected = routing.ProviderSelected(
        run_id=run_id,
        task_id=facts["task_id"],
        call_id=call_id,
        step=step,
        attempt=1,
        policy="rules",
        reason="the best for code within the budget",
        tier=Tier.NORMAL,
        budget="workspace default",
        candidates=(routing.ModelOption(provider=Provider.ANTHROPIC, model="claude-sonnet-5-5", quality=0.9),),
        **model,
    )
    yield run_stream(run_id), selected
    reserved = budget.SpendReserved(
        call_id=call_id,
        attempt=1,
        charge=Charge(project_id="p-1", **facts),
        amount_microusd=MicroUsd(9_000),
        windows=windows(clock.now),
        expires_at=clock.now + timedelta(minutes=3),
        **model,
    )
    yield LEDGER, reserved
    called = run.ModelCalled(
        run_id=run_id,
        task_id=facts["task_id"],
        call_id=call_id,
        step=step,
        answer=Content(text="An answer of some length. " * 8, size=208),
        finish="stop",
        tokens=Tokens(input=900, output=300),
        cost_microusd=MicroUsd(4_800),
        latency_ms=2_000,
        **model,
    )
    yield run_stream(run_id), called
    bill = {"cost_microusd": MicroUsd(4_800), "tokens_in": 900, "tokens_out": 300}
    settled = budget.SpendSettled(**budget.whose(reserved), **bill)
    yield LEDGER, settled


def records(events: int) -> Iterator[StoredRecord]:
    """As the log would store them."""
    clock, versions = _Clock(), dict[str, int]()
    for position, (stream, event, correlation) in enumerate(islice(told(clock), events), 1):
        clock.now += timedelta(seconds=1)
        head = envelope(
            at=instant(clock.now),
            workspace=WORKSPACE,
            actor="user:local" if event.TOPIC == "task.submitted" else "cast",
            correlation=correlation,
            causation=None if position == 1 else position - 1,
            request_id=f"req-{position}",
        )
        versions[stream] = versions.get(stream, 0) + 1
        yield StoredRecord(position, stream, versions[stream], event.TOPIC, seal(encode(event), head))


def write(settings: Settings, events: int) -> None:
    """Through the log itself, so that it is a log."""
    clock, versions = _Clock(), dict[str, int]()
    log = SQLiteLog.open(settings.log_file(WORKSPACE), WORKSPACE, clock)
    source = islice(told(clock), events)
    number = 0
    # Few a transaction: all of one transaction are of one instant.
    while batch := list(islice(source, 200)):
        requests: list[Append] = []
        for stream, event, correlation in batch:
            number += 1
            expected = versions.get(stream, 0)
            versions[stream] = expected + 1
            actor = "user:local" if event.TOPIC == "task.submitted" else "cast"
            part = StreamAppend(stream, expected, (encode(event),))
            requests.append(Append(f"req-{number}", actor, correlation, None, (part,)))
        clock.now += timedelta(seconds=len(batch))
        log.append(requests)
    log.close()


if __name__ == "__main__":
    write(Settings(data=Path(sys.argv[1])), int(sys.argv[2]))
