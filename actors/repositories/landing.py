"""Makes accepted work part of the base branch: when a person says so, and by itself where the project says so.

What landed is found again after a crash at any moment: the commit is noted in our repository before the branch moves,
and the log is told afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import JsonValue

from actors.repositories.authorship import commit_of
from actors.repositories.base_branch import ONE_AT_A_TIME, Found, OnBaseBranch, Refused
from actors.work_messages import worktree_name
from events import DomainEvent
from events.ids import ChecksVerdict, task_stream
from events.work import Work
from vapora.commands import MergeTask
from vapora.dispatch import Decision, EarlierAnswer, answer_to, carry_out
from vapora.domain import task as tasks
from vapora.domain.landings import Cause
from vapora.domain.project import InEffect, Project
from vapora.domain.task_landing import Strategy
from vapora.domain.task_state import Task
from vapora.errors import (
    ChecksFailedError,
    MergeConflictError,
    RepositoryError,
    ReviewOutdatedError,
    TargetMovedError,
    VaporaError,
)
from vapora.ports import Origin, RequestKey
from vapora.repo.bare import branch_name
from vapora.repo.commits import StepCommit
from vapora.repo.landing import Landing
from vapora.repo.owner import Repository
from vapora.views import Merged, Pushed

# How often the base branch may move while a landing is computed and checked.
_MOST_MOVES = 5
# What passes only when somebody changes the work: not tried again by itself.
_FOR_GOOD = ("merge-conflict", "checks-failed", "nothing-to-land", "review-outdated")


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to land, and how."""

    work: Work
    project: Project
    repository: Repository
    in_effect: InEffect
    name: str
    strategy: Strategy
    message: StepCommit
    force: bool


@dataclass(frozen=True, slots=True)
class _Marker:
    """The key that a request came under, and what it is answered."""

    key: RequestKey
    said: Mapping[str, JsonValue]


class Lander(OnBaseBranch):
    async def merge(self, origin: Origin, task_id: str, command: MergeTask, key: RequestKey | None = None) -> Merged:
        """When a person says so. What stands in the way is recorded too, for the board to show."""
        if (earlier := await self._answered(key)) is not None:
            return Merged.model_validate(earlier.whole)
        loaded = await self._opened.load_task(task_id)
        task = tasks.require(loaded.state, task_id)
        if task.is_landed and task.landed is not None:
            return Merged(oid=task.landed.oid, branch=task.landed.branch, position=loaded.position, already=True)
        work = tasks.may_land(task, force=command.force)
        try:
            landing = await self._land(task, work, command.strategy, command.message, force=command.force)
        except Refused as error:
            await self._append(origin, task_id, partial(_refusal, work=work, error=error))
            raise
        said: dict[str, JsonValue] = {"oid": landing.oid, "branch": landing.branch, "already": landing.already}
        marker = None if key is None else _Marker(key, said)
        position = await self._landed(
            origin, task_id, work, landing, command.strategy, forced=command.force, marker=marker
        )
        # Of two that came at once under one key, the one that was recorded is the answer to both.
        earlier = await self._answered(key)
        return Merged.model_validate({**said, "position": position} if earlier is None else earlier.whole)

    async def land_by_itself(self, task_id: str, cause: Cause) -> Found:
        """If the task and its project are so; what came of it."""
        task = await self._opened.task(task_id)
        if not task.to_land or task.work is None:
            return "over"
        work, project = task.work, await self._opened.project(task.project_id)
        if not tasks.lands_by_itself(task, project):
            return "not-now"
        if task.refused is not None and task.refused.head == work.head and task.refused.kind in _FOR_GOOD:
            return "not-now"
        origin = self._by_itself(cause)
        try:
            landing = await self._land(task, work, "squash", "", force=False)
        except Refused as error:
            await self._append(origin, task_id, partial(_refusal_and_way_back, work=work, error=error))
            return "later"
        await self._landed(origin, task_id, work, landing, "squash", forced=False)
        return "over"

    async def push(self, origin: Origin, task_id: str, key: RequestKey | None = None) -> Pushed:
        """The branch alone. The remote's refusal stands on the card, which stays where it is."""
        if (earlier := await self._answered(key)) is not None:
            return Pushed.model_validate(earlier.whole)
        task = await self._opened.task(task_id)
        work = tasks.may_push(task)
        project = await self._opened.project(task.project_id)
        repository = await self._opened.repository(project)
        name = worktree_name(task.id, work.attempt)
        try:
            async with self._opened.turn(project.id, name):
                head = await self._opened.thread(repository.push, name)
        except RepositoryError as error:
            await self._append(origin, task_id, partial(_refusal, work=work, error=error))
            raise
        branch = branch_name(name)
        said: dict[str, JsonValue] = {"branch": branch, "head": head}
        marker = None if key is None else _Marker(key, said)
        position = await self._append(origin, task_id, lambda now: tasks.pushed(now, branch, head), marker)
        earlier = await self._answered(key)
        return Pushed.model_validate({**said, "position": position} if earlier is None else earlier.whole)

    # One landing.

    async def _land(self, task: Task, work: Work, strategy: Strategy, message: str, *, force: bool) -> Landing:
        project = await self._opened.project(task.project_id)
        order = _Order(
            work=work,
            project=project,
            repository=await self._opened.repository(project),
            in_effect=await self._opened.in_effect(project),
            name=worktree_name(task.id, work.attempt),
            strategy=strategy,
            message=self._commit(task, message),
            force=force,
        )
        # One after the other: each would move the branch under the others, whose checks would then be in vain.
        async with self._opened.turn(project.id, ONE_AT_A_TIME), self._opened.turn(project.id, order.name):
            # What was approved may have been put away while others landed.
            tasks.may_land(await self._opened.task(task.id), force=force)
            moves = 0
            while True:
                try:
                    return await self._try(order)
                except TargetMovedError:
                    moves += 1
                    if moves == _MOST_MOVES:
                        raise

    async def _try(self, order: _Order) -> Landing:
        work, repository = order.work, order.repository
        head = (await self._opened.thread(repository.branches)).get(order.name)
        if head != work.head:
            raise ReviewOutdatedError(
                f"The branch {branch_name(order.name)} is not at {work.head[:12]}, which was approved.",
                remedy="Look at the changes again, and approve them.",
                head=head,
            )
        prepare = partial(
            repository.prepare_landing, head=work.head, branch=order.in_effect.base_branch, strategy=order.strategy
        )
        prepared = await self._opened.thread(prepare, order.name, order.message)
        if isinstance(prepared, Landing):
            return prepared
        known = prepared.as_worked_on and work.checks is not ChecksVerdict.UNCHECKED
        if order.in_effect.checks and not known and not order.force:
            await self._recheck.run(order.project, order.in_effect, repository, order.name, prepared.oid)
        return await self._opened.thread(repository.publish, prepared)

    def _commit(self, task: Task, message: str) -> StepCommit:
        return commit_of(task.author, task.id, task.run_id, message.strip() or task.title, self._clock())

    # What the log is told.

    async def _answered(self, key: RequestKey | None) -> EarlierAnswer | None:
        return None if key is None else (await answer_to(key, self._log, self._clock()))[0]

    async def _landed(
        self,
        origin: Origin,
        task_id: str,
        work: Work,
        landing: Landing,
        strategy: Strategy,
        *,
        forced: bool,
        marker: _Marker | None = None,
    ) -> int:
        return await self._append(
            origin,
            task_id,
            lambda now: tasks.landed(now, work.head, landing.branch, landing.oid, strategy, forced=forced),
            marker,
        )

    async def _append(
        self,
        origin: Origin,
        task_id: str,
        decide: Callable[[Task], tuple[DomainEvent, ...]],
        marker: _Marker | None = None,
    ) -> int:
        """Decided again where somebody was quicker; the position of its last event. `marker`: the request that it
        carries out."""

        async def decided() -> Decision:
            loaded = await self._opened.load_task(task_id)
            events = decide(tasks.require(loaded.state, task_id))
            return Decision(task_id, task_stream(task_id), loaded.version, events, loaded.position)

        key, said = (None, None) if marker is None else (marker.key, marker.said)
        return (await carry_out(self._log, self._clock, origin, decided, key, said)).position


def _refusal(task: Task, work: Work, error: VaporaError) -> tuple[DomainEvent, ...]:
    kind = getattr(error, "kind", "sandbox-unavailable")
    paths = error.paths if isinstance(error, RepositoryError) else ()
    return tasks.refuse_landing(task, work.head, kind, str(error), paths)


def _refusal_and_way_back(task: Task, work: Work, error: VaporaError) -> tuple[DomainEvent, ...]:
    """What the author can resolve goes back to it, unless that was done often enough."""
    refusal = _refusal(task, work, error)
    if not isinstance(error, MergeConflictError | ChecksFailedError) or task.head != work.head:
        return refusal
    output = error.details.get("output")
    comment = f"{error.message}\n{output}" if output else f"{error.message} The base branch has moved: resolve it."
    return (*refusal, *tasks.send_back(task, work.head, comment))
