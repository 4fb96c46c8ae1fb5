"""The agents written in Python in a workspace's registry: registered when its cell is opened, and equipped with what
their code says of them now."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable

import structlog
from pydantic import ValidationError

from events.agent import AgentEquipped, Equipment
from events.base import DomainEvent
from events.content import Content
from events.ids import agent_stream
from vapora.agents import Agent
from vapora.agents.installed import Crew, crew_of
from vapora.blobs import Blobs
from vapora.catalog import RoleManifest, role, roles, task_types
from vapora.domain import agent as rules
from vapora.errors import BadInputError, ConfigurationError, ConflictError, VaporaError, VersionConflictError
from vapora.log.client import LogClient
from vapora.marketplace.manifest import require_held
from vapora.ports import Origin

_ARTIFACT = "result.md"
_MOST_TRIES = 5
_REVIEWER = "code-reviewer"

Decide = Callable[[rules.Agent | None], tuple[DomainEvent, ...]]


class CodeAgents:
    """On one workspace's log. `blobs`: where manifests are kept."""

    def __init__(self, log: LogClient, blobs: Blobs) -> None:
        self._log = log
        self._blobs = blobs

    async def register(self, origin: Origin, crew: Crew) -> None:
        """Every agent of the crew, assignable at once. One that cannot be is left out, and the journal says why: the
        others, and the workspace, do their work."""
        journal = structlog.get_logger("code-agents")
        for point, why in crew.broken.items():
            journal.error("an entry point cannot be used", point=point, why=why)
        for one in crew.agents.values():
            try:
                await self._register(origin, one)
            except VaporaError as error:
                journal.error("an agent cannot be registered", agent=one.name, why=str(error))

    async def _register(self, origin: Origin, agent: Agent) -> None:
        manifest = manifest_of(agent)
        data = manifest.model_dump_json().encode()
        content = Content(digest=await asyncio.to_thread(self._blobs.put, data), size=len(data))
        digest = hashlib.sha256(data + agent.source_digest().encode()).hexdigest()
        equipped = AgentEquipped(
            agent_id=agent.name,
            equipment=Equipment(
                package=f"{rules.CODE}{agent.name}", version=agent.version, digest=digest, manifest=content
            ),
            name=manifest.title,
            capabilities=manifest.capabilities,
            task_types=manifest.task_types,
            capacity=manifest.concurrency,
            priority=agent.priority,
        )

        def decide(state: rules.Agent | None) -> tuple[DomainEvent, ...]:
            events = rules.equip(state, agent.name, agent.role, equipped, task_types())
            return (*events, *rules.code_is_back(state))

        await self._append(origin, agent.name, decide)

    async def _append(self, origin: Origin, agent_id: str, decide: Decide) -> None:
        for _ in range(_MOST_TRIES):
            recorded = await self._log.read(agent_stream(agent_id))
            events = decide(rules.fold(one.event for one in recorded))
            if not events:
                return
            try:
                await self._log.append(origin, (agent_stream(agent_id), len(recorded), events))
            except VersionConflictError:
                continue
            return
        raise ConflictError(f"The agent {agent_id} changes faster than it can be registered.", remedy="Start again.")


def check(agents: Iterable[Agent]) -> None:
    """Raises `ConfigurationError` for an agent that cannot be registered: whoever passes it is told at once."""
    for name, why in faults(crew_of(agents)).items():
        raise ConfigurationError(f"The agent {name} cannot be registered: {why}", remedy="Change what it is given.")


def faults(crew: Crew) -> dict[str, str]:
    """Agents that cannot be registered, with the reason."""
    found: dict[str, str] = {}
    for one in crew.agents.values():
        try:
            manifest_of(one)
        except BadInputError as error:
            found[one.name] = str(error)
    return found


def manifest_of(agent: Agent) -> RoleManifest:
    """What it works by: its role's manifest, and in it what its code says. Raises `BadInputError`."""
    if agent.role not in roles():
        raise BadInputError(f"There is no role '{agent.role}'.", remedy=f"The roles are: {', '.join(roles())}.")
    if agent.role == _REVIEWER:
        raise BadInputError(
            f"It cannot be a {_REVIEWER}: reviews are not written in Python yet.",
            remedy="Give it another role.",
        )
    base = role(agent.role)
    unknown = [one for one in agent.task_types if one not in task_types()]
    if unknown:
        raise BadInputError(
            f"There is no task type '{unknown[0]}'.", remedy=f"The task types are: {', '.join(task_types())}."
        )
    try:
        require_held(agent.role, agent.tool_names, ())
    except ValueError as error:
        raise BadInputError(f"{error}.") from error
    tools = tuple(dict.fromkeys((*agent.tool_names, "finish")))
    writers = {"file_write", "file_edit"} & set(tools)
    fields = base.model_dump() | {
        "title": agent.title,
        "description": agent.description,
        "task_types": agent.task_types or base.task_types,
        "concurrency": agent.capacity,
        "temperature": base.temperature if agent.temperature is None else agent.temperature,
        "max_output_tokens": agent.max_output_tokens,
        "work_output_tokens": agent.max_output_tokens,
        "tools": tools,
        "writable": base.writable if writers else (),
        "prefers": agent.model,
        "code": agent.name,
        "artifact": {"name": _ARTIFACT, "kind": base.artifact.kind},
        # Its steps are those that its code takes.
        "steps": ({"name": "code", "instruction": "Its code decides."},),
        "prompt": agent.prompt,
        "work_prompt": agent.prompt,
    }
    try:
        return RoleManifest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
