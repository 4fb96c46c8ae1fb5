"""`package.toml`: what a package says of itself, and what it may do once a person has accepted that."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from vapora.catalog.manifests import Kebab, RoleManifest, RunStep, Text, own_prompts, role, roles
from vapora.commands.packages import ConfigurePackage
from vapora.commands.tool_servers import SetToolServer, StdioServer
from vapora.domain.models import Size
from vapora.domain.tool_names import is_served
from vapora.errors import PackageRefusedError
from vapora.tools.table import TOOLS

MANIFEST = "package.toml"
MOST_FILES = 64
MOST_BYTES = 2_000_000
_VERSION = r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$"
_WORK = RunStep(
    name="work",
    instruction="Do what the task asks, as your description says. Your answer is handed in as it stands.",
)

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgentPart(_Part):
    """An agent of one of the roles. `prompt`: a file of the package, in Markdown; it may end with the sections of a
    role's prompt, of which a run gets one. `tools` and `writable` are never more than the role's own, but for tools of
    servers, which the policies decide on. `provider` and `model`: asked first where they are there. `parallelizable`:
    false for one run at a time; else `concurrency` at once."""

    role: Kebab
    prompt: Text
    task_types: Annotated[tuple[Kebab, ...], Field(min_length=1, max_length=40)]
    capabilities: Annotated[tuple[Kebab, ...], Field(max_length=40)] = ()
    tools: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    writable: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    provider: Annotated[str, StringConstraints(pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$", max_length=40)] = ""
    model: Annotated[str, StringConstraints(max_length=200)] = ""
    model_tier: Size | None = None
    temperature: Annotated[float, Field(ge=0, le=1)]
    max_output_tokens: Annotated[int, Field(ge=256, le=128_000)]
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    parallelizable: bool = True
    concurrency: Annotated[int, Field(ge=1, le=100)] = 2

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role not in roles():
            raise ValueError(f"role: there is no '{self.role}'; there are {', '.join(roles())}")
        if self.model and not self.provider:
            raise ValueError("model: name its provider too")
        require_held(self.role, self.tools, self.writable)
        return self


class WorkflowPart(_Part):
    """`file`: the definition, a file of the package."""

    file: Text


class ServerPart(SetToolServer):
    """A server of tools, as `PUT /mcp/servers/{id}` takes it. `requires`: what a person installs first, in words."""

    requires: Annotated[str, StringConstraints(max_length=1_000)] = ""


class PackageManifest(_Part):
    """`files`: SHA-256 of every other file of the package, by its path."""

    id: Id
    name: Annotated[Text, StringConstraints(max_length=200)]
    version: Annotated[str, StringConstraints(pattern=_VERSION, max_length=60)]
    kind: Literal["agent", "tool", "workflow"]
    description: Annotated[Text, StringConstraints(max_length=2_000)]
    agent: AgentPart | None = None
    server: ServerPart | None = None
    workflow: WorkflowPart | None = None
    files: Annotated[dict[str, Digest], Field(default_factory=dict, max_length=MOST_FILES)]

    @field_validator("files")
    @classmethod
    def _stays_inside(cls, files: dict[str, str]) -> dict[str, str]:
        for path in files:
            parts = PurePosixPath(path).parts
            plain = path.isprintable() and "\\" not in path and str(PurePosixPath(path)) == path
            if not plain or path.startswith("/") or ".." in parts or path == MANIFEST or len(path) > 200:
                raise ValueError(f"{path[:200]!r} is no path inside the package")
        return files

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Self:
        said = [kind for kind, part in _parts(self).items() if part is not None]
        if said != [self.kind]:
            table = {"agent": "agent", "tool": "server", "workflow": "workflow"}[self.kind]
            raise ValueError(f"a package of the kind {self.kind} has the table [{table}], and no other")
        named = self.agent.prompt if self.agent else self.workflow.file if self.workflow else None
        if named is not None and named not in self.files:
            raise ValueError(f"{named} stands in no line of [files]")
        return self


def _parts(manifest: PackageManifest) -> dict[str, Any]:
    return {"agent": manifest.agent, "tool": manifest.server, "workflow": manifest.workflow}


def require_held(role_id: str, tools: tuple[str, ...], writable: tuple[str, ...]) -> None:
    """Raises `ValueError` for what an agent of the role may not hold."""
    held = role(role_id)
    for name in tools:
        if name in held.tools or (name not in TOOLS and is_served(name)):
            continue
        if name in TOOLS:
            raise ValueError(
                f"tools: an agent of the role {role_id} may not hold {name}; it may hold {', '.join(held.tools)}"
            )
        raise ValueError(f"tools: there is no {name}; there are {', '.join(TOOLS)}, and <server>.<tool>")
    for pattern in writable:
        if not any(_within(pattern, one) for one in held.writable):
            raise ValueError(
                f"writable: an agent of the role {role_id} may not write {pattern}; "
                f"it may write {', '.join(held.writable) or 'nothing'}"
            )


def _within(pattern: str, held: str) -> bool:
    """Whether all paths of one pattern are paths of the other, as far as their words alone say it."""
    folder = held.removesuffix("**")
    return pattern == held or held == "**" or (held.endswith("/**") and pattern.startswith(folder))


def read_manifest(raw: bytes) -> PackageManifest:
    """Raises `PackageRefusedError` with every fault."""
    try:
        fields = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _refused(f"{MANIFEST} is no text in UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _refused(f"{MANIFEST} is no valid TOML: {error}") from error
    try:
        return PackageManifest.model_validate(fields)
    except ValidationError as error:
        raise _refused(f"{MANIFEST}: {'; '.join(_complaints(error))}") from error


def _complaints(error: ValidationError) -> list[str]:
    found = []
    for item in error.errors(include_url=False)[:20]:
        where = ".".join(str(part) for part in item["loc"])
        what = item["msg"].removeprefix("Value error, ")
        found.append(f"{where}: {what}" if where else what)
    return found


def _refused(problem: str) -> PackageRefusedError:
    return PackageRefusedError(f"The package cannot be used: {problem}.", remedy="Have its author correct it.")


def digest_of(raw: bytes) -> str:
    """A package's: of its manifest, which names the digest of each other file."""
    return hashlib.sha256(raw).hexdigest()


def agent_manifest(manifest: PackageManifest, prompt: str, config: ConfigurePackage) -> RoleManifest:
    """What an agent of the package works by: its role's manifest, and in it what the package and the configuration say.
    Raises `PackageRefusedError` for a configuration that its role, or its package, does not allow."""
    said, base = _agent(manifest, config), role(_agent_part(manifest).role)
    tools = tuple(dict.fromkeys((*said.tools, *(one for one in ("finish",) if one in base.tools))))
    writers = [one for one in tools if one in ("file_write", "file_edit")]
    fields = base.model_dump() | {
        "title": manifest.name,
        "description": manifest.description,
        "capabilities": said.capabilities or base.capabilities,
        "task_types": said.task_types,
        "model_tier": said.model_tier or base.model_tier,
        "concurrency": said.concurrency if said.parallelizable else 1,
        "temperature": said.temperature,
        "max_output_tokens": said.max_output_tokens,
        "work_output_tokens": said.max_output_tokens,
        "tools": tools,
        "writable": (said.writable or base.writable) if writers else (),
        "prefers": f"{said.provider}/{said.model}".removesuffix("/"),
        "steps": (_WORK.model_dump(),),
        **own_prompts(prompt),
    }
    return RoleManifest.model_validate(fields)


def priority_of(manifest: PackageManifest, config: ConfigurePackage) -> int:
    return _agent(manifest, config).priority


def _agent_part(manifest: PackageManifest) -> AgentPart:
    if manifest.agent is None:
        raise PackageRefusedError(f"The package '{manifest.id}' is of no agent.")
    return manifest.agent


def _agent(manifest: PackageManifest, config: ConfigurePackage) -> AgentPart:
    part = _agent_part(manifest)
    wider = sorted(set(config.tools or ()) - set(part.tools))
    if wider:
        raise PackageRefusedError(
            f"The package does not name the tools {', '.join(wider)}: a configuration takes tools away, and adds none.",
            remedy=f"It names {', '.join(part.tools) or 'none'}.",
            field="tools",
        )
    try:
        return AgentPart.model_validate(part.model_dump() | config.model_dump(exclude_none=True, exclude={"server"}))
    except ValidationError as error:
        raise PackageRefusedError(
            f"The configuration does not fit: {'; '.join(_complaints(error))}.", remedy="Correct it."
        ) from error


def server_of(manifest: PackageManifest, config: ConfigurePackage) -> SetToolServer:
    """The server that a package of tools sets up. Raises `PackageRefusedError`."""
    if manifest.server is None:
        raise PackageRefusedError(f"The package '{manifest.id}' is of no server of tools.")
    fields = manifest.server.model_dump(exclude={"requires"})
    own = config.server
    if own is not None:
        transport = fields["transport"]
        if transport["kind"] != "stdio" and (own.variables or own.arguments or own.read or own.write):
            raise PackageRefusedError(
                "The server is reached by HTTP: it has no arguments, variables or folders.", remedy="Leave them out."
            )
        if own.roles is not None:
            fields["roles"] = own.roles
        if own.arguments:
            transport["command"] = (*transport["command"], *own.arguments)
        transport["secrets"] = transport["secrets"] | own.secrets
        if transport["kind"] == "stdio":
            transport["variables"] = transport["variables"] | own.variables
            transport["read"] = (*transport["read"], *own.read)
            transport["write"] = (*transport["write"], *own.write)
    fields["title"] = fields["title"] or manifest.name
    fields["description"] = fields["description"] or manifest.description
    try:
        return SetToolServer.model_validate(fields)
    except ValidationError as error:
        raise PackageRefusedError(
            f"The configuration does not fit: {'; '.join(_complaints(error))}.", remedy="Correct it."
        ) from error


def may_do(manifest: PackageManifest, config: ConfigurePackage | None = None) -> dict[str, Any]:
    """What a person accepts: tools, whether it reaches the network and where, paths that it writes, commands that are
    run, secrets that it is given. The empty list is none."""
    config = config or ConfigurePackage()
    may: dict[str, Any] = {"tools": [], "network": [], "writes": [], "commands": [], "secrets": [], "requires": ""}
    if manifest.agent is not None:
        said = _agent(manifest, config)
        writes = any(one in ("file_write", "file_edit", "run_command") for one in said.tools)
        may["tools"] = list(said.tools)
        may["writes"] = list(said.writable or role(said.role).writable) if writes else []
        may["commands"] = ["any command, in the sandbox of its project"] if "run_command" in said.tools else []
    if manifest.server is not None:
        set_ = server_of(manifest, config)
        may["tools"] = [f"{manifest.id}.{one}" for one in set_.expected_tools] or [f"{manifest.id}.*"]
        may["secrets"] = sorted(set(set_.transport.secrets.values())) if set_.transport.kind != "built-in" else []
        may["requires"] = manifest.server.requires
        if isinstance(set_.transport, StdioServer):
            may["commands"] = [" ".join(set_.transport.command)]
            may["network"] = ["any host"] if set_.transport.network else []
            may["writes"] = list(set_.transport.write)
        elif set_.transport.kind == "http":
            may["network"] = [set_.transport.url]
            may["secrets"] = sorted({*may["secrets"], *([set_.transport.bearer] if set_.transport.bearer else [])})
    return may


def settings_of(manifest: PackageManifest) -> tuple[str, ...]:
    """What a configuration may say."""
    return {
        "agent": tuple(name for name in ConfigurePackage.model_fields if name != "server"),
        "tool": ("server",),
        "workflow": (),
    }[manifest.kind]
