"""Makes the work of cards that take back what others landed: a revert of exactly that, checked as all work is.

Everything that it needs is found again after a crash at any moment: the branch is made anew from what stands in the
repository, and the log is told once, on the version of the card's stream. The landing is `Lander`'s, as of other work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from actors.repositories.authorship import commit_of
from actors.repositories.base_branch import ONE_AT_A_TIME, Found, OnBaseBranch, Refused
from actors.work_messages import worktree_name
from events.ids import ChecksVerdict, task_stream
from events.work import Work
from vapora.domain import revert as rules
from vapora.domain.landings import Cause
from vapora.domain.project import InEffect, Project
from vapora.domain.revert import Events
from vapora.domain.task_state import Task
from vapora.errors import VaporaError, VersionConflictError
from vapora.log.client import Change
from vapora.repo.bare import Base, branch_name
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository
from vapora.repo.reverting import Brought

# A person may move one of the cards, again and again.
_MOST_TRIES = 5


class Reverter(OnBaseBranch):
    async def revert(self, task_id: str, cause: Cause) -> Found | None:
        """What came of it; None for a card that is no such one, or of which this is done."""
        task = await self._opened.task(task_id)
        if not task.reverts:
            return None
        project = await self._opened.project(task.project_id)
        if not rules.is_to_do(task):
            return None
        if project.paused:
            return "not-now"
        # Nothing lands meanwhile: what is not part of the base branch now, never will be.
        async with self._opened.turn(project.id, ONE_AT_A_TIME):
            for _ in range(_MOST_TRIES):
                try:
                    return await self._try(task_id, project, cause)
                except VersionConflictError:
                    continue  # a person moved one of these cards meanwhile
        return "later"

    async def _try(self, task_id: str, project: Project, cause: Cause) -> Found | None:
        loaded = await self._opened.load_task(task_id)
        task = loaded.state
        if task is None or not rules.is_to_do(task):
            return None
        before = [await self._opened.load_task(one) for one in task.reverts]
        known = [(one.state, one.version) for one in before if one.state is not None]
        events, over = await self._made(task, project, [one for one, _ in known])
        changes: list[Change] = [(task_stream(task_id), loaded.version, events)]
        changes += [(task_stream(one.id), version, gone) for one, version in known if (gone := over.get(one.id))]
        await self._log.append(self._by_itself(cause), *changes)
        # The landing is looked at because of what was just recorded.
        return "not-now"

    async def _made(self, task: Task, project: Project, before: list[Task]) -> tuple[Events, dict[str, Events]]:
        """What the card's stream says, and what those of the cards say whose work never lands."""
        of = {
            worktree_name(one.id, attempt): one
            for one in before
            if one.project_id == project.id
            for attempt in one.works
        }
        landings: tuple[Brought, ...] = ()
        work: Work | None = None
        repository: Repository | None = None
        try:
            if of:
                repository = await self._opened.repository(project)
                in_effect = await self._opened.in_effect(project)
                find = partial(repository.brought, list(of), in_effect.base_branch)
                target, landings = await self._opened.thread(find)
                if landings:
                    work = await self._work(task, of, target, landings, project, in_effect, repository)
        except Refused as error:
            by_hand = [] if repository is None else [repository.command(one) for one in landings]
            return rules.not_made(task, _why(error, by_hand)), {}
        landed = {of[one.name].id for one in landings}
        return rules.made(task, work), {one.id: rules.never_lands(one) for one in before if one.id not in landed}

    async def _work(
        self,
        task: Task,
        of: Mapping[str, Task],
        target: Base,
        landings: Sequence[Brought],
        project: Project,
        in_effect: InEffect,
        repository: Repository,
    ) -> Work | None:
        """On the card's branch; None where somebody took it all back already."""
        name, at = worktree_name(task.id, task.attempt), self._clock()

        def message(one: Brought) -> StepCommit:
            said = f'Revert "{of[one.name].title}"\n\nThis takes back {one.onto[:12]}..{one.oid[:12]}.'
            return commit_of(None, task.id, None, said, at)

        head = await self._opened.thread(repository.revert, name, landings, target, message)
        if head == target.oid:
            return None
        if in_effect.checks:
            await self._recheck.run(project, in_effect, repository, name, head)
        return Work(
            branch=branch_name(name),
            base_branch=target.branch,
            base=target.oid or "",
            head=head,
            checks=ChecksVerdict.GREEN if in_effect.checks else ChecksVerdict.UNCHECKED,
            attempt=task.attempt,
        )


def _why(error: VaporaError, by_hand: Sequence[str]) -> str:
    """What stands in the way, and what a person would type."""
    output = error.details.get("output")
    said = [error.message, *([str(output)] if output else [])]
    if by_hand:
        said.append(f"Take it back by hand: {'; '.join(by_hand)}.")
    elif error.remedy:
        said.append(error.remedy)
    return " ".join(said)
