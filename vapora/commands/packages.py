"""Intents about packages of the marketplace."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from vapora.commands.base import WHOLE, Command, Slug
from vapora.commands.tool_servers import Folder, Plain, RoleOrAll, SecretName, Variable, Word

PackageDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200)]
ToolOfPackage = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,170}$")]


class InstallPackage(Command):
    """`digest`: what was looked at; without it, what the marketplace shows now."""

    digest: PackageDigest | None = None


class UpgradePackage(InstallPackage):
    pass


class ConfigureServer(Command):
    """Of a package of tools: further arguments, variables, folders and secrets (by their names), and the roles whose
    agents get its tools."""

    roles: Annotated[tuple[RoleOrAll, ...], Field(max_length=100)] | None = None
    arguments: Annotated[tuple[Word, ...], Field(max_length=50)] = ()
    variables: Annotated[dict[Variable, Plain], Field(default_factory=dict, max_length=50)]
    secrets: Annotated[dict[str, SecretName], Field(default_factory=dict, max_length=50)]
    read: Annotated[tuple[Folder, ...], Field(max_length=20)] = ()
    write: Annotated[tuple[Folder, ...], Field(max_length=20)] = ()


class ConfigurePackage(Command):
    """All that is to differ from the package's manifest; what is left out is as that says. The first fields are of
    agents, `server` is of tools."""

    task_types: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=40)] | None = None
    tools: Annotated[tuple[ToolOfPackage, ...], Field(max_length=100)] | None = None
    writable: Annotated[tuple[Pattern, ...], Field(max_length=100)] | None = None
    provider: Slug | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=256, le=128_000), WHOLE] | None = None
    priority: Annotated[int, Field(ge=0, le=100), WHOLE] | None = None
    parallelizable: StrictBool | None = None
    concurrency: Annotated[int, Field(ge=1, le=100), WHOLE] | None = None
    server: ConfigureServer | None = None
