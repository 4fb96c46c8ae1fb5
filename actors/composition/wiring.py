"""What actors are built from, and what builds them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from actors import kinds
from actors.runtime import cluster
from actors.runtime.base import Actor, Address, Builder, Runtime
from actors.secrets import SecretReader
from vapora import __version__, journal
from vapora.agents import Agent as CodeAgent
from vapora.agents.installed import Crew, together
from vapora.blobs import Blobs, blobs_of
from vapora.clock import now
from vapora.dispatch.secrets import SecretEvents
from vapora.log.client import LogClient
from vapora.log.leases import Alone, Leases, open_leases
from vapora.observability import live
from vapora.settings import Settings
from vapora.vault import open_vault

# What a host calls: its settings are those of its own process, and so are its secrets.
BUILDER = "actors.composition:own_builder"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What actors are built from, in whichever process. `environ` holds what the vendors' SDKs are told. `passed`:
    agents written in Python that whoever starts this hands in, beside those of installed packages."""

    settings: Settings
    environ: Mapping[str, str]
    runtime: Runtime
    leases: Leases = field(default_factory=Alone)
    passed: Sequence[CodeAgent] = ()

    @property
    def crew(self) -> Crew:
        """The agents written in Python whose code is in this process."""
        return together(self.passed)

    def log(self, workspace: str) -> LogClient:
        return LogClient(self.runtime.ref(Address("log", workspace)), workspace)

    def secrets(self, actor: str) -> SecretReader:
        """For one part of the system, as the log names it."""

        return SecretReader(open_vault(self.settings), cache(self.secret_events), actor, now)

    def secret_events(self, workspace: str) -> SecretEvents:
        return SecretEvents(self.log(workspace), now, self.settings.stream_snapshots(workspace))

    def blobs(self, workspace: str) -> Blobs:
        return blobs_of(self.settings, workspace)


def builder(settings: Settings, environ: Mapping[str, str] = os.environ, agents: Sequence[CodeAgent] = ()) -> Builder:
    """What a runtime makes actors with: the function that the table of kinds names, given its `Wiring`. `agents`:
    written in Python, beside those of installed packages."""
    journal.configure(settings.log_format)
    live.configure(settings.otlp_endpoint, settings.otlp_header_map, settings.trace_ratio, __version__)
    leases = open_leases(settings, installation(settings))

    def build(address: Address, runtime: Runtime) -> Actor:
        wiring = Wiring(settings, environ, runtime, leases, agents)
        actor: Actor = kinds.load(kinds.kind_of(address.kind).builder)(wiring, address)
        return actor

    return build


def installation(settings: Settings) -> str:
    """By which name others on the same database know this one. It stays the same when a process of it is started again,
    on whichever node, and where the whole of it is on one machine, also when that starts anew."""
    return settings.installation or cluster.cluster_id() or cluster.name_on_this_machine(settings.data)


def own_builder() -> Builder:
    return builder(Settings())
