"""What people see of a repository and of the work in it. Nothing here changes either."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256

from actors.repositories.authorship import run_and_step
from actors.repositories.open import SCRATCH, OpenRepositories, task_of
from actors.work_messages import Tree, TreeFile, worktree_name
from events.ids import ChecksVerdict, run_stream
from events.run import ChecksRan, RunStarted, RunSucceeded, ToolUsed
from events.work import CommandResult, Work
from vapora.blobs import Blobs
from vapora.domain import project_file
from vapora.domain.task_state import Task
from vapora.errors import BadInputError, NotFoundError, NoWorktreeError, RepositoryError
from vapora.log.client import LogClient
from vapora.repo import changes as diffs
from vapora.repo.bare import branch_name
from vapora.repo.examining import examine
from vapora.repo.owner import Repository
from vapora.repo.source import parse_source
from vapora.repo.words import shown
from vapora.views import (
    Branch,
    ChangedBy,
    ChangedFile,
    Changes,
    CheckResult,
    Examined,
    FileCheck,
    FileText,
    ProjectFile,
    RepositoryView,
    WorktreeView,
)

_LOOKED_AT_FOR_NUL = 8_000


class Views:
    def __init__(self, log: LogClient, opened: OpenRepositories, blobs: Blobs) -> None:
        self._log = log
        self._opened = opened
        self._blobs = blobs

    async def examine(self, repo: str, base_branch: str | None = None) -> Examined:
        source = await self._opened.thread(parse_source, repo, self._opened.roots)
        found = await self._opened.thread(examine, source, self._opened.environ, base_branch, self._opened.logins)
        return Examined(
            kind=source.kind,
            where=source.where,
            base_branch=found.base_branch,
            head=found.head,
            branches=tuple(map(shown, found.branches)),
        )

    async def overview(self, project_id: str) -> RepositoryView:
        project = await self._opened.project(project_id)
        try:
            in_effect = await self._opened.in_effect(project)
            repository = await self._opened.repository(project)
            base = await self._opened.thread(repository.base, in_effect.base_branch)
            branches = await self._opened.thread(repository.branches)
            sizes = await self._opened.thread(repository.sizes)
        except (RepositoryError, BadInputError) as error:
            return RepositoryView(problem=str(error))
        ours = {name: oid for name, oid in branches.items() if not name.startswith(SCRATCH)}
        return RepositoryView(
            base_branch=shown(base.branch),
            head=base.oid,
            branches=tuple(
                Branch(name=branch_name(name), task_id=task_of(name)[0], attempt=task_of(name)[1], oid=oid)
                for name, oid in sorted(ours.items())
            ),
            worktrees=tuple(
                WorktreeView(
                    task_id=task_of(one.name)[0], attempt=task_of(one.name)[1], path=str(one.path), bytes=one.bytes
                )
                for one in sizes
                if one.name in ours
            ),
        )

    async def project_file(self, project_id: str) -> ProjectFile:
        project = await self._opened.project(project_id)
        repository = await self._opened.repository(project)
        branch = (await self._opened.in_effect(project)).base_branch
        await self._opened.thread(repository.fetch)
        try:
            data, size = await self._opened.thread(
                partial(repository.base_file, project_file.PATH, branch, project_file.MOST_BYTES)
            )
        except NotFoundError:
            return ProjectFile(path=project_file.PATH, text=None, sha256=None, accepted=False)
        text, digest = data.decode("utf-8", "replace"), sha256(data).hexdigest()
        accepted = project.accepted is not None and project.accepted.sha256 == digest
        try:
            if size > len(data):
                raise BadInputError(f"{project_file.PATH} has more than {project_file.MOST_BYTES:,} bytes.")
            said = project_file.parse(text)
        except BadInputError as error:
            return ProjectFile(path=project_file.PATH, text=text, sha256=digest, accepted=accepted, problem=str(error))
        checks = None if said.checks is None else tuple(FileCheck(**one.model_dump()) for one in said.checks)
        return ProjectFile(
            path=project_file.PATH,
            text=text,
            sha256=digest,
            accepted=accepted,
            base_branch=said.base_branch,
            setup=said.setup,
            checks=checks,
        )

    async def changes(self, task_id: str, attempt: int | None = None, run_id: str | None = None) -> Changes:
        task = await self._opened.task(task_id)
        project = await self._opened.project(task.project_id)
        repository = await self._opened.repository(project)
        work = await self._work_of_run(task, run_id) if run_id is not None else None
        number = work.attempt if work else attempt or task.attempt
        name = worktree_name(task.id, number)
        found = await self._opened.thread(_compare, repository, name, work)
        conflicts: tuple[str, ...] = ()
        if not task.is_landed and work is None:
            branch = (await self._opened.in_effect(project)).base_branch
            conflicts = await self._opened.thread(repository.conflicts, name, branch)
        made_by = next((one.run_id for one in found.commits if one.run_id), None)
        of_run = run_id or made_by or task.run_id
        return found.model_copy(
            update={
                "checks": () if of_run is None else await self._checks(of_run, found.head),
                "conflicts": tuple(map(shown, conflicts)),
                "approved_head": task.approved_head,
            }
        )

    async def file(self, task_id: str, path: str, ref: str | None = None) -> FileText:
        task = await self._opened.task(task_id)
        repository = await self._opened.repository(await self._opened.project(task.project_id))
        name = worktree_name(task.id, task.attempt)
        commit, data, size = await self._opened.thread(repository.file, name, path, ref)
        return _file(path, commit, data, size)

    async def base_tree(self, project_id: str) -> Tree:
        project = await self._opened.project(project_id)
        in_effect = await self._opened.in_effect(project)
        repository = await self._opened.repository(project)
        await self._opened.thread(repository.fetch)
        oid, files = await self._opened.thread(repository.base_tree, in_effect.base_branch)
        return Tree(oid, tuple(TreeFile(*one) for one in files))

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]:
        repository = await self._opened.repository(await self._opened.project(project_id))
        if not await self._opened.thread(repository.has, oid):
            await self._opened.thread(repository.fetch)
        found = []
        for path in paths:
            with suppress(NotFoundError):
                found.append(_file(path, oid, *await self._opened.thread(repository.file_at, oid, path)))
        return tuple(found)

    async def _work_of_run(self, task: Task, run_id: str) -> Work:
        """What the run left, or has left so far."""
        events = [one.event for one in await self._log.read(run_stream(run_id), lenient=True)]
        begun = next((one for one in events if isinstance(one, RunStarted)), None)
        if begun is None or begun.task_id != task.id:
            raise NotFoundError(f"The task {task.id} has no run '{run_id}'.", remedy="Check the id.")
        place = begun.workplace
        if place is None:
            raise NoWorktreeError(f"The run {run_id} had no repository.", remedy="Look at its artifacts instead.")
        ended = next((one.work for one in events if isinstance(one, RunSucceeded)), None)
        commits = [one.commit for one in events if isinstance(one, ToolUsed) and one.commit is not None]
        head = ended.head if ended is not None else [place.head, *commits][-1]
        return Work(
            branch=place.branch,
            base_branch=place.base_branch,
            base=place.head,
            head=head,
            checks=ChecksVerdict.UNCHECKED,
            attempt=place.attempt,
        )

    async def _checks(self, run_id: str, head: str) -> tuple[CheckResult, ...]:
        """The newest results for that commit."""
        recorded = await self._log.read(run_stream(run_id), lenient=True)
        ran = [one.event for one in recorded if isinstance(one.event, ChecksRan) and one.event.head == head]
        if not ran:
            return ()
        return await self._opened.thread(self._results, ran[-1].results)

    def _results(self, results: Sequence[CommandResult]) -> tuple[CheckResult, ...]:
        return tuple(
            CheckResult(
                name=one.name,
                command=one.command,
                exit_code=one.exit_code,
                ended=one.ended,
                duration_ms=one.duration_ms,
                output=self._blobs.text(one.output),
                truncated=one.truncated,
            )
            for one in results
        )


def _file(path: str, commit: str, data: bytes, size: int) -> FileText:
    binary = b"\0" in data[:_LOOKED_AT_FOR_NUL]
    return FileText(
        path=shown(path),
        ref=commit,
        size=size,
        text=None if binary else data.decode("utf-8", "replace"),
        binary=binary,
        truncated=size > len(data),
    )


def _compare(repository: Repository, name: str, work: Work | None) -> Changes:
    """Without checks, conflicts and approval; in a thread."""
    if work is None:
        compared, commits = repository.changes(name), repository.commits(name)
    else:
        compared = diffs.compare(repository.bare, work.base, work.head)
        commits = diffs.commits(repository.bare, work.base, work.head)
    return Changes(
        branch=branch_name(name),
        base=compared.base,
        head=compared.head,
        commits=tuple(_commit(one) for one in commits),
        files=tuple(
            ChangedFile(
                path=one.path,
                old_path=one.old_path,
                status=one.status,
                additions=one.additions,
                deletions=one.deletions,
                binary=one.binary,
            )
            for one in compared.files
        ),
        patch=compared.patch,
        truncated=compared.truncated,
        checks=(),
        conflicts=(),
        approved_head=None,
    )


def _commit(one: diffs.BranchCommit) -> ChangedBy:
    run_id, step = run_and_step(dict(one.trailers))
    return ChangedBy(oid=one.oid, subject=one.subject, at=one.at, run_id=run_id, step=step)
