"""Work and reviews that are being given out: chosen, appended, and counted as if the log had them already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from actors.coordinator.queue_consumer import QueueConsumer
from events import DomainEvent
from events.ids import WORKSPACE, StreamName, project_stream, run_stream, task_stream
from events.task import Candidate
from vapora.clock import Clock
from vapora.domain import subjects, task
from vapora.domain.swarm import rules as swarm
from vapora.errors import BadInputError
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.records import Append, Conflict

_ACTOR = "swarm-coordinator"
# Assignments in one append: enough that a long line is no queue of commits, few enough that the first start early.
_MOST_AT_ONCE = 200


class Assigner:
    """`view`: what the coordinator knows. `simulated` is to be set before the first assignment."""

    def __init__(
        self,
        log: LogClient,
        workspace: str,
        view: Callable[[], swarm.Swarm],
        clock: Clock,
        consumer: QueueConsumer | None,
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._view = view
        self._clock = clock
        self._consumer = consumer
        self.simulated = False
        self._chosen: dict[str, Append] = {}
        self._journal = structlog.get_logger("coordinator")

    async def assign(self) -> None:
        """One task after the other, each choice seeing the ones before it; then all in one call to the log."""
        self._let_go([one for one in self._chosen if self._has_moved(one)])
        while True:
            while len(self._chosen) < _MOST_AT_ONCE and self._choose_next():
                pass
            if not self._chosen or not await self._append_chosen():
                return

    def request(
        self,
        task_id: str,
        events: tuple[DomainEvent, ...],
        causation: int | None = None,
        expected: Mapping[StreamName, int] | None = None,
    ) -> Append:
        thread = self._view().threads[task_id]
        origin = Origin(self._workspace, _ACTOR, thread.correlation, causation or thread.position)
        # Named after the place in the stream: the same decision taken again after a lost answer is the same append.
        name = f"{task_id}@{thread.version}:{events[0].TOPIC}"
        change = (task_stream(task_id), thread.version, events)
        return self._log.request(origin, change, request_id=name, expected=expected)

    def _choose_next(self) -> bool:
        """False where nothing can be given out now. Reviews come first: what they hold up is nearly done."""
        view, may_start = self._view(), self._consumer.may_start if self._consumer else None
        review = swarm.next_review(view)
        one = review or swarm.foremost(view, may_start)
        if one is None:
            return False
        try:
            events = self._review(one) if review is not None else self._work(one)
            # Nothing starts of a project, or in a workspace, that was archived or paused meanwhile. And its run has
            # not begun, which the writer then knows when the agent asks.
            expected = {
                project_stream(one.project_id): view.projects.get(one.project_id, 0),
                WORKSPACE: view.workspace_version,
                run_stream(_run_id(one)): 0,
            }
            self._chosen[one.id] = self.request(one.id, events, expected=expected)
        except Exception as error:
            self._put_aside(one.id, error, queued=review is None)
        return True

    def _put_aside(self, task_id: str, error: Exception, *, queued: bool) -> None:
        """With a queue, a task that cannot be given out does not hold up the others: it ends as a dead letter."""
        swarm.withdraw(self._view(), task_id)
        if self._consumer is None or not queued:
            raise error
        self._journal.warning("cannot be given out", task=task_id, error=repr(error))
        self._consumer.park(task_id)

    def _work(self, one: task.Task) -> tuple[DomainEvent, ...]:
        choice = swarm.choose(self._view(), one, self._clock(), self.simulated)
        run_id, chosen = self._propose(one, choice.chosen)
        return task.assign(
            one,
            run_id=run_id,
            agent_id=chosen.agent_id,
            role=chosen.role,
            subject=subjects.subject(one.task_type, one.priority, self._workspace),
            candidates=choice.candidates,
            reason=choice.reason,
            policy=choice.policy,
            propensity=choice.propensity,
        )

    def _review(self, one: task.Task) -> tuple[DomainEvent, ...]:
        choice = swarm.choose_reviewer(self._view(), one, self._clock(), self.simulated)
        run_id, _ = self._propose(one, choice.chosen)
        return task.assign_review(one, run_id=run_id, choice=choice)

    def _propose(self, one: task.Task, chosen: Candidate | None) -> tuple[str, Candidate]:
        """The run's id, and who has it: counted as if the log had it already."""
        if chosen is None:
            raise RuntimeError(f"nobody is free for {one.id}, for which somebody was said to be")
        run_id = _run_id(one)
        swarm.propose(self._view(), one.id, run_id, chosen.agent_id)
        return run_id, chosen

    async def _append_chosen(self) -> bool:
        """False where somebody moved a card first, which the follower brings.

        After an error nobody knows whether the log has them or is about to: they keep their agents' places, and the
        same appends go out again.
        """
        try:
            results = await self._log.append_many(list(self._chosen.values()))
        except BadInputError:
            self._let_go(list(self._chosen))
            raise
        refused = [one for one, result in zip(self._chosen, results, strict=True) if isinstance(result, Conflict)]
        self._let_go(refused)
        self._chosen.clear()
        return not refused

    def _has_moved(self, task_id: str) -> bool:
        """Whether the task's stream is beyond the place of its assignment: it stands there, or cannot come any more."""
        thread = self._view().threads.get(task_id)
        return thread is None or thread.version != self._chosen[task_id].streams[0].expected_version

    def _let_go(self, task_ids: Iterable[str]) -> None:
        for task_id in task_ids:
            del self._chosen[task_id]
            swarm.withdraw(self._view(), task_id)


def _run_id(one: task.Task) -> str:
    """Of its next run."""
    return f"{one.id}.{one.runs + 1}"
