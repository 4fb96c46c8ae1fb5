"""What is asked of whoever holds a workspace's repositories open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from events.work import Check
from vapora.repo.owner import Repository
from vapora.sandbox.sandbox import Sandbox

P = ParamSpec("P")
R = TypeVar("R")


class ProjectOnDisk(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def repo(self) -> str | None: ...
    @property
    def copies(self) -> tuple[str, ...]: ...
    @property
    def read_only(self) -> tuple[str, ...]: ...


class InEffect(Protocol):
    @property
    def base_branch(self) -> str | None: ...
    @property
    def setup(self) -> tuple[str, ...]: ...
    @property
    def checks(self) -> tuple[Check, ...]: ...


class Opened(Protocol):
    folder: Path

    async def project(self, project_id: str) -> ProjectOnDisk: ...
    async def in_effect(self, project: ProjectOnDisk) -> InEffect: ...
    async def repository(self, project: ProjectOnDisk) -> Repository: ...
    async def sandbox(self, project: ProjectOnDisk) -> Sandbox: ...
    def turn(self, project_id: str, worktree: str) -> asyncio.Lock: ...
    async def thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
