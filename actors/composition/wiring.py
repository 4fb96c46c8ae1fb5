"""What actors are built from, and what builds them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from actors import kinds
from actors.runtime.base import Actor, Address, Builder, Runtime
from actors.secrets import SecretReader
from vapora import journal
from vapora.agents import Agent as CodeAgent
from vapora.agents.installed import Crew, together
from vapora.blobs import Blobs, open_blobs
from vapora.clock import now
from vapora.dispatch.secrets import SecretEvents
from vapora.log.client import LogClient
from vapora.settings import Settings
from vapora.vault import open_vault

BUILDER = "actors.composition:builder"


@dataclass(frozen=True, slots=True)
class Wiring:
    """What actors are built from, in whichever process. `environ` holds what the vendors' SDKs are told. `passed`:
    agents written in Python that whoever starts this hands in, beside those of installed packages."""

    settings: Settings
    environ: Mapping[str, str]
    runtime: Runtime
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
        return open_blobs(self.settings.blobs_url, self.settings.blob_folder(workspace), workspace)


def builder(
    settings: Settings, environ: Mapping[str, str] = os.environ, agents: Sequence[CodeAgent] = ()
) -> Builder:
    """What a runtime makes actors with: the function that the table of kinds names, given its `Wiring`. `agents`:
    written in Python, beside those of installed packages."""
    journal.configure(settings.log_format)

    def build(address: Address, runtime: Runtime) -> Actor:
        made_by = kinds.load(kinds.kind_of(address.kind).builder)
        actor: Actor = made_by(Wiring(settings, environ, runtime, agents), address)
        return actor

    return build
