"""Packages of agents, tools and workflows: on offer, and installed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from vapora.views.base import View

PackageKind = Literal["agent", "tool", "workflow"]


class MayDo(View):
    """What a package may do once it is accepted; an empty list: nothing of the kind. `requires`: what a person installs
    first."""

    tools: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    requires: str = ""


class InstalledPackage(View):
    """`makes`: the id of the agent, server or workflow that it set up. `may`: what was accepted."""

    id: str
    kind: PackageKind
    name: str
    version: str
    description: str
    source: str
    digest: str
    makes: str
    config: dict[str, JsonValue]
    may: MayDo
    installed_by: str
    installed_at: datetime
    updated_at: datetime
    position: int


class PackageSummary(View):
    """`version`, `digest` and `may`: of what is on offer; of what is installed where nothing is on offer any more.
    `problem`: why it cannot be taken as it is on offer."""

    id: str
    name: str
    version: str
    kind: PackageKind | None
    description: str
    source: str
    digest: str
    role: str | None = None
    task_types: tuple[str, ...] = ()
    may: MayDo
    installed: bool
    installed_version: str | None = None
    upgradable: bool = False
    makes: str | None = None
    problem: str = ""


class PackageView(PackageSummary):
    """`manifest`: all of it. `texts`: the files that people read, by path. `settings`: what its configuration may
    say, by `config_schema` (a JSON Schema), and `config` what it does."""

    manifest: dict[str, JsonValue]
    texts: dict[str, str] = Field(default_factory=dict)
    settings: tuple[str, ...] = ()
    config_schema: dict[str, JsonValue] = Field(default_factory=dict)
    config: dict[str, JsonValue] = Field(default_factory=dict)
    installed_by: str | None = None
    installed_at: datetime | None = None
    updated_at: datetime | None = None
    position: int = 0


class ShelfRefreshed(View):
    """`problems`: what could not be fetched, by source."""

    packages: int
    problems: dict[str, str]
    position: int
