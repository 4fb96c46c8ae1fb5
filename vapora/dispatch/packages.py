"""What people do to packages: checked, decided, and appended together with what the package sets up, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.agent import AgentEquipped, Equipment
from events.base import DomainEvent
from events.content import Content
from events.ids import TOOL_SERVERS, StreamName, agent_stream, package_stream, workflow_stream
from events.package import PackageFile
from vapora.blobs import Blobs
from vapora.catalog import roles, task_types
from vapora.catalog.manifests import RoleManifest
from vapora.catalog.shipped_workflows import shipped
from vapora.clock import Clock
from vapora.commands.packages import ConfigurePackage
from vapora.commands.tool_servers import RemoveToolServer
from vapora.dispatch.carry_out import Decision, carry_out
from vapora.domain import agent as agents
from vapora.domain import package as rules
from vapora.domain import tool_server
from vapora.domain.package import Package, Taken
from vapora.domain.workflow import catalogue
from vapora.errors import BadInputError, ConflictError
from vapora.log.client import Change, LogClient
from vapora.marketplace import Offer, PackageManifest, may_do, offer_of_stored, settings_of
from vapora.marketplace.manifest import agent_manifest, priority_of, server_of
from vapora.ports import Origin, RequestKey
from vapora.views import Accepted

_MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Loaded:
    state: Package | None
    version: int
    position: int


class PackageCommands:
    """On one workspace's log. `blobs`: where files and manifests of packages are kept. `built_in`: ids of servers that
    are a part of VAPORA."""

    def __init__(self, log: LogClient, clock: Clock, blobs: Blobs, built_in: Sequence[str] = ()) -> None:
        self._log = log
        self._clock = clock
        self._blobs = blobs
        self._built_in = tuple(built_in)

    async def load(self, package_id: str) -> Loaded:
        recorded = await self._log.read(package_stream(package_id))
        state = rules.fold(one.event for one in recorded)
        return Loaded(state, len(recorded), recorded[-1].position if recorded else 0)

    async def install(
        self, origin: Origin, offer: Offer, digest: str | None = None, key: RequestKey | None = None
    ) -> Accepted:
        """With what it sets up, assignable at once. `digest`: what a person looked at. Raises `PackageRefusedError`,
        `PackageOutdatedError`, `ConflictError`; then nothing is left behind."""
        manifest = offer.require()
        rules.require_seen(digest, offer.digest, offer.id)
        taken = await asyncio.to_thread(self._store, offer, manifest)

        async def decided() -> Decision:
            found = await self.load(offer.id)
            before = found.state
            if before is not None and not before.removed:
                return self._decision(offer.id, found, rules.install(before, taken, before.makes))
            makes = await self._free_id(manifest)
            events = rules.install(before, taken, makes)
            others = await self._set_up(manifest, offer, makes, ConfigurePackage(), new=True)
            return self._decision(offer.id, found, events, others)

        return await carry_out(self._log, self._clock, origin, decided, key)

    async def upgrade(
        self, origin: Origin, offer: Offer, digest: str | None = None, key: RequestKey | None = None
    ) -> Accepted:
        """Its configuration stays, and has to fit. What is under way ends on the version that it began with."""
        manifest = offer.require()
        rules.require_seen(digest, offer.digest, offer.id)
        taken = await asyncio.to_thread(self._store, offer, manifest)

        async def decided() -> Decision:
            found = await self.load(offer.id)
            known = rules.require(found.state, offer.id)
            events = rules.upgrade(known, taken)
            config = ConfigurePackage.model_validate(dict(known.config))
            others = await self._set_up(manifest, offer, known.makes, config) if events else ()
            return self._decision(offer.id, found, events, others)

        return await carry_out(self._log, self._clock, origin, decided, key)

    async def configure(
        self, origin: Origin, package_id: str, config: ConfigurePackage, key: RequestKey | None = None
    ) -> Accepted:
        """What is under way ends as it began. Raises `PackageRefusedError` for what does not fit the package."""

        async def decided() -> Decision:
            found = await self.load(package_id)
            known = rules.require(found.state, package_id)
            offer = await self.stored(known)
            manifest = offer.require()
            said = config.model_dump(mode="json", exclude_none=True)
            allowed = settings_of(manifest)
            if strangers := sorted(set(said) - set(allowed)):
                raise BadInputError(
                    f"A package of the kind {manifest.kind} has no setting '{strangers[0]}'.",
                    remedy=f"It has: {', '.join(allowed) or 'none'}.",
                    field=strangers[0],
                )
            events = rules.configure(known, package_id, said)
            others = await self._set_up(manifest, offer, known.makes, config) if events else ()
            return self._decision(package_id, found, events, others)

        return await carry_out(self._log, self._clock, origin, decided, key)

    async def remove(self, origin: Origin, package_id: str, key: RequestKey | None = None) -> Accepted:
        """With what it set up: the agent gets nothing new and ends what it has. A workflow that people changed since
        is theirs, and stays."""

        async def decided() -> Decision:
            found = await self.load(package_id)
            known = rules.require(found.state, package_id)
            return self._decision(package_id, found, rules.remove(known, package_id), await self._taken_down(known))

        return await carry_out(self._log, self._clock, origin, decided, key)

    async def stored(self, known: Package) -> Offer:
        """The package as it was installed, whatever its source says by now."""

        def read() -> dict[str, bytes]:
            return {one.path: self._blobs.get(one.content.digest or "") for one in known.files}

        return offer_of_stored(await asyncio.to_thread(read), known.source)

    # --- what it sets up ---

    async def _set_up(
        self, manifest: PackageManifest, offer: Offer, makes: str, config: ConfigurePackage, *, new: bool = False
    ) -> tuple[Change, ...]:
        match manifest.kind:
            case "agent":
                return await self._agent(manifest, offer, makes, config)
            case "tool":
                return await self._server(manifest, makes, config)
            case "workflow":
                return await self._workflow(manifest, offer, makes, new=new)

    async def _agent(
        self, manifest: PackageManifest, offer: Offer, agent_id: str, config: ConfigurePackage
    ) -> tuple[Change, ...]:
        assert manifest.agent is not None
        works_by = agent_manifest(manifest, offer.text(manifest.agent.prompt), config)
        equipped = AgentEquipped(
            agent_id=agent_id,
            equipment=Equipment(
                package=manifest.id,
                version=manifest.version,
                digest=offer.digest,
                manifest=await asyncio.to_thread(self._kept, works_by),
            ),
            name=works_by.title,
            capabilities=works_by.capabilities,
            task_types=works_by.task_types,
            capacity=works_by.concurrency,
            priority=priority_of(manifest, config),
        )
        state, version = await self._agent_state(agent_id)
        events = agents.equip(state, agent_id, manifest.agent.role, equipped, task_types())
        return ((agent_stream(agent_id), version, events),) if events else ()

    async def _server(self, manifest: PackageManifest, server_id: str, config: ConfigurePackage) -> tuple[Change, ...]:
        servers, version = await self._servers()
        wanted = server_of(manifest, config)
        before = None if servers is None else servers.servers.get(server_id)
        if before is not None and before.owner == manifest.id:
            # Whether it is switched on, and for whom, people say at the server itself.
            said = config.server is not None and config.server.roles is not None
            kept = {"enabled": before.enabled} | ({} if said else {"roles": before.roles})
            wanted = wanted.model_copy(update=kept)
        events = tool_server.decide(
            servers,
            wanted,
            server_id,
            owner=manifest.id,
            built_in=self._built_in,
            roles=tuple(roles()),
        )
        return ((TOOL_SERVERS, version, events),) if events else ()

    async def _workflow(
        self, manifest: PackageManifest, offer: Offer, workflow_id: str, *, new: bool
    ) -> tuple[Change, ...]:
        found, version = await self._workflow_state(workflow_id)
        if not new and found is not None and found.package != manifest.id:
            return ()  # people changed it since, or removed it: what they said stands
        events = catalogue.define(found, workflow_id, offer.definition, package=manifest.id)
        return ((workflow_stream(workflow_id), version, events),) if events else ()

    async def _taken_down(self, known: Package) -> tuple[Change, ...]:
        match known.kind:
            case "agent":
                agent, version = await self._agent_state(known.makes)
                events = () if agent is None else agents.remove(agent, known.makes, with_package=True)
                return _change(agent_stream(known.makes), version, events)
            case "tool":
                servers, version = await self._servers()
                there = servers is not None and known.makes in servers.servers
                events = tool_server.decide(servers, RemoveToolServer(), known.makes, owner=known.id) if there else ()
                return _change(TOOL_SERVERS, version, events)
            case "workflow":
                found, version = await self._workflow_state(known.makes)
                ours = found is not None and not found.removed and found.package == known.id
                return _change(
                    workflow_stream(known.makes), version, catalogue.remove(found, known.makes) if ours else ()
                )

    # --- ids ---

    async def _free_id(self, manifest: PackageManifest) -> str:
        """Its own, or with a number behind it where that is somebody else's. A server's id is always its own: people
        and manifests name its tools by it."""
        if manifest.kind == "tool":
            return manifest.id
        for number in range(1, _MOST_IDS):
            wanted = manifest.id if number == 1 else f"{manifest.id}-{number}"
            if await self._is_free(manifest, wanted):
                return wanted
        raise ConflictError(f"There is no free id like '{manifest.id}'.", remedy="Remove some of these.")

    async def _is_free(self, manifest: PackageManifest, wanted: str) -> bool:
        if manifest.kind == "workflow":
            found, _ = await self._workflow_state(wanted)
            return found is None or found.removed
        agent, version = await self._agent_state(wanted)
        if agent is None:
            return version == 0
        # What was learned about an agent of this package is taken up again; another's is not.
        return agent.removed and agent.equipment is not None and agent.equipment.package == manifest.id

    async def _agent_state(self, agent_id: str) -> tuple[agents.Agent | None, int]:
        recorded = await self._log.read(agent_stream(agent_id))
        return agents.fold(one.event for one in recorded), len(recorded)

    async def _workflow_state(self, workflow_id: str) -> tuple[catalogue.Workflow | None, int]:
        recorded = await self._log.read(workflow_stream(workflow_id))
        found = catalogue.fold(workflow_id, (one.event for one in recorded), shipped().get(workflow_id))
        return found, len(recorded)

    async def _servers(self) -> tuple[tool_server.ToolServers | None, int]:
        recorded = await self._log.read(TOOL_SERVERS)
        state: tool_server.ToolServers | None = None
        for one in recorded:
            state = tool_server.evolve(state, one.event)
        return state, len(recorded)

    # --- texts ---

    def _store(self, offer: Offer, manifest: PackageManifest) -> Taken:
        """Its files, before the event that names them. Of a package that is refused all the same nobody names them, and
        they are swept."""
        paths = sorted(offer.files, key=lambda one: (one != "package.toml", one))
        files = tuple(PackageFile(path=one, content=self._put(offer.files[one])) for one in paths)
        return Taken(
            manifest.id,
            manifest.kind,
            manifest.name,
            manifest.version,
            manifest.description,
            offer.source,
            offer.digest,
            files,
            may_do(manifest),
        )

    def _kept(self, works_by: RoleManifest) -> Content:
        return self._put(works_by.model_dump_json().encode())

    def _put(self, data: bytes) -> Content:
        return Content(digest=self._blobs.put(data), size=len(data))

    def _decision(
        self, package_id: str, found: Loaded, events: tuple[DomainEvent, ...], others: tuple[Change, ...] = ()
    ) -> Decision:
        return Decision(package_id, package_stream(package_id), found.version, events, found.position, others=others)


def _change(stream: StreamName, version: int, events: tuple[DomainEvent, ...]) -> tuple[Change, ...]:
    return ((stream, version, events),) if events else ()


def config_of(known: Mapping[str, Any]) -> ConfigurePackage:
    return ConfigurePackage.model_validate(dict(known))
