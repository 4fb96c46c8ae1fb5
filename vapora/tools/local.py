"""A task's worktree on this machine, as its tools use it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from vapora.repo import looking
from vapora.repo.owner import Repository
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import Command, Kind, Limits, Outcome, Room
from vapora.tools.folder import Folder


class LocalWorkplace:
    """`home` is a folder for the task alone, made if need be. `variables` and `read_only` are the project's."""

    def __init__(
        self,
        repository: Repository,
        task: str,
        sandbox: Sandbox,
        limits: Limits,
        home: Path,
        *,
        read_only: tuple[Path, ...] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        tree = repository.trees.get(task)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = Folder(tree.path)
        self._repository, self._task, self._sandbox, self._limits = repository, task, sandbox, limits
        self.room = Room(tree.path, home, git_dir=repository.bare.dir, read_only=read_only)
        self._variables = dict(variables or {})

    @property
    def sandbox(self) -> Kind:
        return self._sandbox.kind

    async def run(self, line: str, timeout_s: float) -> Outcome:
        return await self.command(line, min(timeout_s, self._limits.timeout_s))

    async def command(self, line: str, timeout_s: float, *, network: bool = False) -> Outcome:
        """One of the project's own, for as long as the project says. `network`: only to set it up."""
        limits = replace(self._limits, timeout_s=timeout_s)
        return await self._sandbox.run(self.room, Command(line, network, self._variables), limits)

    async def changed_paths(self) -> list[str]:
        return await asyncio.to_thread(self._repository.changed_paths, self._task)

    async def restore(self, paths: list[str]) -> None:
        await asyncio.to_thread(self._repository.restore, self._task, paths)

    async def status(self) -> str:
        return await asyncio.to_thread(looking.status, self._repository.trees, self._task)

    async def diff(self, path: str, since: Literal["commit", "base"], limit: int) -> tuple[str, bool]:
        return await asyncio.to_thread(looking.diff, self._repository.trees, self._task, path, since, limit)

    async def log(self, path: str, count: int) -> str:
        return await asyncio.to_thread(looking.log, self._repository.trees, self._task, path, count)

    async def search(self, pattern: str, path: str, ignore_case: bool, limit: int) -> tuple[list[str], bool]:
        return await asyncio.to_thread(
            looking.search, self._repository.trees, self._task, pattern, path, ignore_case, limit
        )

    async def files(self, path: str, limit: int) -> list[str]:
        return await asyncio.to_thread(looking.files, self._repository.trees, self._task, path, limit)
