"""What must hold of a log once all work is done, whatever was killed meanwhile: pure checks that list what does not.

They trust nothing that the actors hold. What the actors and the read models hold is compared with the log in
`vapora.testing.agreement`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from events import DomainEvent, Recorded
from events.budget import SpendReleased, SpendReserved, SpendSettled, SpendUnknown
from events.content import Content
from events.ids import LEDGER, run_stream, task_stream
from events.run import (
    ArtifactRecorded,
    CodeStepAsked,
    ModelCalled,
    RunCancelled,
    RunFailed,
    RunStarted,
    RunSucceeded,
    ToolUsed,
)
from events.task import ReviewAssigned, TaskArchived, TaskAssigned, TaskCompleted, TaskFailed, TaskSubmitted
from events.workspace import ClockCorrected
from vapora.domain.answer import Verdict, judge
from vapora.domain.audit import violations

Event = TypeVar("Event", bound=DomainEvent)
_RUN_ENDS = (RunSucceeded, RunFailed, RunCancelled)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """`check`: which promise is broken; `where`: the stream, call, table or actor."""

    check: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.where}: {self.message}"


def soundness(log: Sequence[Recorded], workspace: str, waiting: Collection[str] = ()) -> list[Discrepancy]:
    """All that can be said of a log alone, when nothing is under way any more but the tasks that are left `waiting`."""
    ended = [*tasks_ended(log, waiting), *runs_ended(log)]
    return [*order(log), *ended, *answers(log), *tools(log), *money(log, workspace)]


def order(log: Sequence[Recorded]) -> list[Discrepancy]:
    """Positions rise, versions have no gap, time does not go back, and every cause stands before its effect."""
    found: list[Discrepancy] = []
    versions: Counter[str] = Counter()
    before: Recorded | None = None
    for one in log:
        if before is not None and one.position <= before.position:
            found.append(Discrepancy("order", one.stream, f"position {one.position} stands behind {before.position}"))
        if before is not None and one.recorded_at < before.recorded_at and not isinstance(one.event, ClockCorrected):
            found.append(Discrepancy("order", one.stream, f"time goes back at position {one.position}"))
        if one.version != versions[one.stream] + 1:
            message = f"version {one.version} at position {one.position} follows version {versions[one.stream]}"
            found.append(Discrepancy("order", one.stream, message))
        if one.causation is not None and one.causation >= one.position:
            found.append(Discrepancy("order", one.stream, f"position {one.position} comes before its cause"))
        versions[one.stream], before = one.version, one
    return found


def tasks_ended(log: Sequence[Recorded], waiting: Collection[str] = ()) -> list[Discrepancy]:
    """Every accepted task ended once, behind the run that it names, and no `waiting` one did; for a backlog that nobody
    moves by hand."""
    found: list[Discrepancy] = []
    succeeded = {event.run_id for _, event in _of(log, RunSucceeded)}
    ends: defaultdict[str, list[DomainEvent]] = defaultdict(list)
    for one in log:
        if isinstance(one.event, TaskCompleted | TaskFailed | TaskArchived):
            ends[one.event.task_id].append(one.event)
    submitted = {event.task_id for _, event in _of(log, TaskSubmitted)}
    for task_id in sorted(submitted | ends.keys()):
        if task_id not in submitted:
            found.append(Discrepancy("tasks", task_stream(task_id), "ended, but was never submitted"))
        if len(ends[task_id]) != (task_id not in waiting):
            found.append(Discrepancy("tasks", task_stream(task_id), f"ended {len(ends[task_id])} times"))
        for end in ends[task_id]:
            if isinstance(end, TaskCompleted) and end.run_id not in succeeded:
                found.append(Discrepancy("tasks", task_stream(task_id), f"is done, but {end.run_id} did not succeed"))
    return found


def runs_ended(log: Sequence[Recorded]) -> list[Discrepancy]:
    """Every assignment made one run, which began once and ended once; what succeeded left one work product."""
    begun = Counter(event.run_id for _, event in _of(log, RunStarted))
    works = Counter(event.run_id for _, event in _of(log, ArtifactRecorded))
    ends = Counter(one.event.run_id for one in log if isinstance(one.event, _RUN_ENDS))
    # A review leaves its verdict instead.
    succeeded = {event.run_id for _, event in _of(log, RunSucceeded) if event.review is None}
    assigned = Counter(one.event.run_id for one in log if isinstance(one.event, TaskAssigned | ReviewAssigned))
    found: list[Discrepancy] = []
    for run_id in sorted(assigned.keys() | begun.keys() | ends.keys()):
        for what, times in (("assigned", assigned), ("started", begun), ("ended", ends)):
            if times[run_id] != 1:
                found.append(Discrepancy("runs", run_stream(run_id), f"was {what} {times[run_id]} times"))
        if works[run_id] != (run_id in succeeded):
            found.append(Discrepancy("runs", run_stream(run_id), f"left {works[run_id]} work products"))
    return found


def answers(log: Sequence[Recorded]) -> list[Discrepancy]:
    """No answer was recorded twice, each stands in one append with its price, and no step of a good run lacks a usable
    one."""
    found: list[Discrepancy] = []
    calls = Counter((event.call_id, event.attempt) for _, event in _of(log, ModelCalled))
    found += [Discrepancy("answers", one, f"answered {times} times") for (one, _), times in calls.items() if times > 1]
    paid = {(one.request_id, event.call_id): event.cost_microusd for one, event in _of(log, SpendSettled)}
    steps: defaultdict[str, list[int]] = defaultdict(list)
    for one, event in _of(log, ModelCalled):
        if judge(event) is Verdict.USABLE:
            steps[event.run_id].append(event.step)
        cost = paid.get((one.request_id, event.call_id))
        if cost != event.cost_microusd:
            message = f"cost {event.cost_microusd}, and {'nothing' if cost is None else cost} was settled with it"
            found.append(Discrepancy("answers", event.call_id, message))
    # A run that works with tools takes as many steps as it needs.
    wanted = {event.run_id: len(event.steps) or len(steps[event.run_id]) for _, event in _of(log, RunStarted)}
    by_code = _asked_by_code(log, "model")
    for _, end in _of(log, RunSucceeded):
        if steps[end.run_id] != by_code.get(end.run_id, list(range(wanted.get(end.run_id, 0)))):
            found.append(Discrepancy("answers", end.run_id, f"succeeded with the steps {steps[end.run_id]}"))
    return found


def tools(log: Sequence[Recorded]) -> list[Discrepancy]:
    """Each tool call of a usable answer, or of code, in a good run was recorded once, in the order of the calls."""
    asked: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    used: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, answer in _of(log, ModelCalled):
        if judge(answer) is Verdict.USABLE:
            asked[answer.run_id] += [(answer.step, call) for call in range(len(answer.tool_calls))]
    for run_id, steps in _asked_by_code(log, "tool").items():
        asked[run_id] = [(step, 0) for step in steps]
    for _, event in _of(log, ToolUsed):
        used[event.run_id].append((event.step, event.call))
    return [
        Discrepancy("tools", end.run_id, f"asked for {asked[end.run_id]}, and used {used[end.run_id]}")
        for _, end in _of(log, RunSucceeded)
        if asked[end.run_id] != used[end.run_id]
    ]


def _asked_by_code(log: Sequence[Recorded], kind: str) -> dict[str, list[int]]:
    """Which steps of a kind the code of each such run asked for: what a model asks for there, code asks for it."""
    found: dict[str, list[int]] = {}
    for _, event in _of(log, CodeStepAsked):
        steps = found.setdefault(event.run_id, [])
        if event.kind == kind:
            steps.append(event.step)
    return found


def money(log: Sequence[Recorded], workspace: str) -> list[Discrepancy]:
    """No limit was crossed, every reservation was closed once, and none is left open."""
    found = [Discrepancy("money", one.call_id, one.message) for one in violations(log, workspace)]
    reserved = {(event.call_id, event.attempt) for _, event in _of(log, SpendReserved)}
    for one in log:
        if isinstance(one.event, SpendSettled | SpendReleased | SpendUnknown):
            reserved.discard((one.event.call_id, one.event.attempt))
        if one.topic.startswith("budget.") and one.stream != LEDGER:
            found.append(Discrepancy("money", one.stream, f"{one.topic} does not stand in the ledger"))
    found += [
        Discrepancy("money", call_id, f"attempt {attempt} is still reserved") for call_id, attempt in sorted(reserved)
    ]
    return found


def billed(log: Sequence[Recorded], billed_microusd: int) -> list[Discrepancy]:
    """What was settled was billed, and what was billed was settled or booked."""
    settlements = [event for _, event in _of(log, SpendSettled)]
    settled = sum(int(one.cost_microusd) for one in settlements if not one.estimated)
    booked = sum(int(one.cost_microusd) for one in settlements if one.estimated)
    booked += sum(event.amount_microusd for _, event in _of(log, SpendUnknown))
    if settled <= billed_microusd <= settled + booked:
        return []
    message = f"{billed_microusd} micro-dollars were billed, {settled} settled, {booked} booked as unknown"
    return [Discrepancy("billed", "the vendors", message)]


def kept(log: Sequence[Recorded], accepted: Mapping[int, str]) -> list[Discrepancy]:
    """`accepted`: position → request id of every event whose append was acknowledged to anybody."""
    stored = {one.position: one.request_id for one in log}
    return [
        Discrepancy("kept", f"position {position}", f"was acknowledged to {request_id}, holds {stored.get(position)}")
        for position, request_id in sorted(accepted.items())
        if stored.get(position) != request_id
    ]


def contents(log: Sequence[Recorded], text: Callable[[Content], str]) -> list[Discrepancy]:
    """Every text that the log names can be read."""
    found: list[Discrepancy] = []
    for one in log:
        for content in _contents(one.event):
            try:
                text(content)
            except Exception as error:  # whatever is wrong with it: that is the finding
                found.append(Discrepancy("contents", one.stream, f"position {one.position}: {error}"))
    return found


def _contents(event: DomainEvent) -> Iterable[Content]:
    return (value for value in dict[str, Any](event).values() if isinstance(value, Content))


def _of(log: Iterable[Recorded], kind: type[Event]) -> Iterable[tuple[Recorded, Event]]:
    return ((one, one.event) for one in log if isinstance(one.event, kind))
