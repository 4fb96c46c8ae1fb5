"""Role manifests: one TOML file with the facts and one Markdown file with the prompts for each role.

The Markdown ends with two sections of which a run gets one: how the role works in a repository, and how without.

Without a repository a run is a conversation of fixed steps. The first user message is the task followed by the
first step's instruction; each further instruction is sent after the answer to the one before it. The last step's
answer is the artifact. With one, the agent uses its tools until it calls `finish`; the steps play no part.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from vapora.domain.agent import RoleDefaults
from vapora.domain.models import Size
from vapora.domain.tool_names import is_served
from vapora.errors import CatalogError, NotFoundError
from vapora.tools.table import TOOLS

# The order is a promise: boards, budgets and reports list the roles in it.
ROLE_IDS: tuple[str, ...] = (
    "architect",
    "developer",
    "code-reviewer",
    "tester",
    "documenter",
    "marketer",
    "presenter",
    "devops",
    "monitor",
    "security",
    "project-manager",
    "decision-maker",
)

Group = Literal["technical-core", "documentation", "operations", "management"]
ArtifactKind = Literal[
    "adr",
    "code",
    "tests",
    "review",
    "documentation",
    "marketing",
    "presentation",
    "deployment",
    "incident",
    "findings",
    "plan",
    "decision",
]

# Task types become subject tokens (`tasks.{type}.{priority}`), so dots, spaces and capitals are out.
Kebab = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*\.[a-z0-9]+$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunStep(_Frozen):
    """One turn of a run. `output_tokens` limits its answer; without it the role's own limit holds."""

    name: Kebab
    instruction: Text
    output_tokens: Annotated[int, Field(ge=1)] | None = None


class Artifact(_Frozen):
    """What a run leaves behind: a file name with its extension, and the kind of thing it is."""

    name: FileName
    kind: ArtifactKind


# One answer in a repository may hold a whole file; what the role's documents need is `max_output_tokens`.
_WORK_OUTPUT_TOKENS = 8_192
_IN_A_REPOSITORY = "## In a repository\n"
_WITHOUT_ONE = "## Without a repository\n"

_WRITERS = ("file_write", "file_edit")

Purpose = Literal["work", "review"]


class RoleHeartbeat(_Frozen):
    """How often an agent of the role is asked how it is while it has work, and after how many misses in a row it is
    suspended; what is left out is as the installation's settings say."""

    interval_s: Annotated[float, Field(gt=0)] | None = None
    misses: Annotated[int, Field(ge=1)] | None = None


class RoleManifest(_Frozen):
    """Everything the platform knows about a role before any agent of it has run.

    `task_types[0]` is the role's main type: what a task of this role is taken for when its words say
    nothing. `concurrency` is the most runs one agent of the role holds at a time, `most_runs` all of
    the role in a workspace, where that does not set it otherwise. `tools` and `writable` hold where the
    project has a repository: names of tools, and patterns of the paths that the role may write (see
    `vapora.tools.scope`); no pattern: it changes nothing. `prompt` is the system prompt of a run without a repository,
    `work_prompt` that of a run in one; `work_output_tokens` limits each answer there. `prefers`: a model
    (`provider/model`) or a provider that is asked first, where it is there and the budget allows it. A tool with a dot
    in its name is one of a server: `time.get_current_time`. `code`: the agent written in Python that carries out its
    runs, by its name; empty: a model does.
    """

    id: Kebab
    title: Text
    group: Group
    description: Text
    capabilities: Annotated[tuple[Kebab, ...], Field(min_length=1)]
    task_types: Annotated[tuple[Kebab, ...], Field(min_length=1)]
    model_tier: Size
    concurrency: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(ge=0, le=1)]
    max_output_tokens: Annotated[int, Field(ge=1)]
    consumes: Annotated[tuple[Text, ...], Field(min_length=1)]
    produces: Annotated[tuple[Text, ...], Field(min_length=1)]
    may: Annotated[tuple[Text, ...], Field(min_length=1)]
    may_not: Annotated[tuple[Text, ...], Field(min_length=1)]
    listens_to: tuple[Kebab, ...] = ()
    reports_to: tuple[Kebab, ...] = ()
    tools: Annotated[tuple[Text, ...], Field(min_length=1)]
    writable: tuple[Text, ...] = ()
    work_output_tokens: Annotated[int, Field(ge=1)] = _WORK_OUTPUT_TOKENS
    heartbeat: RoleHeartbeat | None = None
    most_runs: Annotated[int, Field(ge=1)] | None = None
    prefers: str = ""
    code: str = ""
    artifact: Artifact
    steps: Annotated[tuple[RunStep, ...], Field(min_length=1)]
    prompt: Text
    work_prompt: Text

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [step.name for step in self.steps]
        if len(set(names)) != len(names):
            # A run resumes by step name: two of one name could not be told apart in the log.
            raise ValueError(f"steps: each needs a name of its own, got {', '.join(names)}")
        for step in self.steps:
            if step.output_tokens is not None and step.output_tokens > self.max_output_tokens:
                raise ValueError(
                    f"steps: '{step.name}' may answer {step.output_tokens} tokens, "
                    f"but max_output_tokens is {self.max_output_tokens}"
                )
        unknown = [name for name in self.tools if name not in TOOLS and not is_served(name)]
        if unknown:
            raise ValueError(f"tools: there is no {', '.join(unknown)}; there are {', '.join(TOOLS)}")
        if "finish" not in self.tools:
            raise ValueError("tools: without finish, no run could end")
        writers = [name for name in self.tools if name in _WRITERS]
        if writers and not self.writable:
            raise ValueError(f"writable: is empty, so {', '.join(writers)} could do nothing")
        return self

    def tools_for(self, purpose: Purpose) -> tuple[str, ...]:
        """Work ends with `finish`. A review looks only, and ends with `submit_review`, whatever the role is."""
        own = tuple(name for name in self.tools if name in TOOLS)
        if purpose == "work":
            return tuple(name for name in own if name != "submit_review")
        return (*(name for name in own if TOOLS[name].effect == "pure"), "submit_review")

    @property
    def served_tools(self) -> tuple[str, ...]:
        """Those of servers, as `<server>.<tool>`: the role gets them where they are there when a run begins."""
        return tuple(name for name in self.tools if name not in TOOLS)

    def writable_for(self, purpose: Purpose) -> tuple[str, ...]:
        return self.writable if purpose == "work" else ()

    def output_tokens(self, step: RunStep) -> int:
        """The answer limit that a request for this step carries, in tokens."""
        return self.max_output_tokens if step.output_tokens is None else step.output_tokens


def stored_manifest(text: str) -> RoleManifest:
    """One that was stored as JSON, perhaps by another version: built-in tools that there are no more are left out."""
    fields = json.loads(text)
    fields["tools"] = [name for name in fields["tools"] if name in TOOLS or is_served(name)]
    return RoleManifest.model_validate(fields)


@cache
def roles() -> Mapping[str, RoleManifest]:
    """The twelve roles by id, in the order of `ROLE_IDS`. Read once for each process."""
    return load_roles(files("vapora.catalog") / "roles", ROLE_IDS)


def role(role_id: str) -> RoleManifest:
    """One role. Raises `NotFoundError` with the ids that exist."""
    found = roles().get(role_id)
    if found is None:
        raise NotFoundError(
            f"There is no role '{role_id}'.", remedy=f"The roles are: {', '.join(ROLE_IDS)}.", role=role_id
        )
    return found


def role_defaults(role_id: str) -> RoleDefaults:
    """What an agent of the role is by itself."""
    manifest = role(role_id)
    return RoleDefaults(
        role=manifest.id,
        name=manifest.title,
        capabilities=manifest.capabilities,
        task_types=manifest.task_types,
        capacity=manifest.concurrency,
    )


@cache
def task_types() -> tuple[str, ...]:
    """Every routing type that some role can do, each once, in the order of the roles."""
    return tuple(dict.fromkeys(kind for manifest in roles().values() for kind in manifest.task_types))


@cache
def roles_for(task_type: str) -> tuple[str, ...]:
    """Ids of the roles that can do this type; empty if none can."""
    return tuple(manifest.id for manifest in roles().values() if task_type in manifest.task_types)


def load_roles(folder: Traversable, role_ids: Iterable[str]) -> Mapping[str, RoleManifest]:
    """Read the named roles from a folder, in the order given. Raises `CatalogError`."""
    common = _read(files("vapora.catalog"), "work.md")
    found = {role_id: _load_role(folder, role_id, common) for role_id in role_ids}
    for manifest in found.values():
        for field in ("listens_to", "reports_to"):
            strangers = [other for other in getattr(manifest, field) if other not in found]
            if strangers:
                raise _broken(f"{manifest.id}.toml", f"{field}: unknown role {', '.join(strangers)}")
    return MappingProxyType(found)


def _load_role(folder: Traversable, role_id: str, common: str) -> RoleManifest:
    name = f"{role_id}.toml"
    try:
        fields: dict[str, Any] = tomllib.loads(_read(folder, name))
    except tomllib.TOMLDecodeError as error:
        raise _broken(name, f"not valid TOML: {error}") from error
    for prompt in {"prompt", "work_prompt"} & set(fields):
        raise _broken(name, f"{prompt}: belongs in {role_id}.md, not here")
    if fields.get("id", role_id) != role_id:
        raise _broken(name, f"id: is '{fields['id']}', but the file name says '{role_id}'")
    prompts = _prompts(_read(folder, f"{role_id}.md"), f"{role_id}.md", common)
    try:
        return RoleManifest.model_validate(fields | prompts)
    except ValidationError as error:
        raise _broken(name, "; ".join(_complaints(error))) from error


def _prompts(text: str, name: str, common: str) -> dict[str, str]:
    """`common`: what holds for every role that works in a repository."""
    if not text.strip():
        raise _broken(name, "prompt: is empty")
    always, inside, rest = text.partition(_IN_A_REPOSITORY)
    in_one, without, outside = rest.partition(_WITHOUT_ONE)
    if not inside or not without:
        ends = f"'{_IN_A_REPOSITORY.strip()}' and then '{_WITHOUT_ONE.strip()}'"
        raise _broken(name, f"prompt: has to end with the sections {ends}")
    return {
        "prompt": f"{always}{without}{outside}",
        "work_prompt": f"{always}{inside}{in_one.rstrip()}\n\n{common}",
    }


def own_prompts(text: str) -> dict[str, str]:
    """`prompt` and `work_prompt` of a prompt of one's own: with the sections of a role's prompt, or for both alike."""
    common = _read(files("vapora.catalog"), "work.md")
    if _IN_A_REPOSITORY in text and _WITHOUT_ONE in text.partition(_IN_A_REPOSITORY)[2]:
        return _prompts(text, "the prompt", common)
    return {"prompt": text, "work_prompt": f"{text.rstrip()}\n\n{common}"}


def _read(folder: Traversable, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CatalogError(
            f"Role file {name} is missing.", remedy="Each role needs a .toml and a .md file.", file=name
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(name, f"cannot be read as UTF-8 text: {error}") from error


def _complaints(error: ValidationError) -> list[str]:
    """One `field: what is wrong` for each problem, so that a file is mended in one go."""
    lines: list[str] = []
    for item in error.errors(include_url=False):
        where = ".".join(str(part) for part in item["loc"])
        # Our own validator names its field in the message; pydantic prefixes such messages.
        what = item["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {what}" if where else what)
    return lines


def _broken(file: str, problem: str) -> CatalogError:
    return CatalogError(
        f"Role file {file} cannot be used: {problem}.", remedy="Correct the file and start again.", file=file
    )
