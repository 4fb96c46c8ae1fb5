"""All actors of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vapora.database import Place
from vapora.ports.cell import BudgetPort, LogWriterPort, ProjectorPort, QueuePort
from vapora.ports.identity import IdentityPort
from vapora.ports.messages import ChannelsPort, TrackersPort, WebhooksPort
from vapora.ports.repositories import RepositoriesPort
from vapora.ports.tools import ToolGatewayPort


class WorkflowEnginePort(Protocol):
    async def file_problems(self) -> dict[str, str]:
        """What is wrong with files that define workflows: by the name of a file of the workspace's folder, or by
        `project:path` of one in a repository."""
        ...


class RouterStatusPort(Protocol):
    async def providers(self, workspace: str) -> dict[str, str]:
        """Provider → `up`, or `down: <why>` while none of its models is asked; empty where none is configured. As the
        workspace finds them, which may have keys of its own."""
        ...

    async def is_simulated(self, workspace: str) -> bool:
        """Whether the rehearsal model answers the workspace."""
        ...

    async def paused_models(self, workspace: str) -> dict[str, str]:
        """`provider/model` → the kind of its last failure, for single models that are left alone now."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the cells, as the supervisor knows it without waking any: those `awake`, by name; how many are `asleep`, those
    archived that nobody reads among them; what could not be opened, with the reason; and how many another installation
    on the same database has."""

    awake: frozenset[str] = frozenset()
    asleep: int = 0
    archived: int = 0
    closed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: int = 0

    @property
    def known(self) -> int:
        return len(self.awake) + self.asleep + len(self.closed.keys() - self.awake)


class ActorSystemPort(Protocol):
    """The actors of an installation, as the API sees them."""

    async def open(self, workspace: str) -> None:
        """Make sure that the workspace's cell runs, and stays so for a while. Raises `NotFoundError` for one that does
        not exist, or was deleted."""
        ...

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        """Whether this workspace is `awake`, `asleep` or, from the one to the other, `waking`, or `unknown`; and all of
        them, in numbers. Wakes nobody."""
        ...

    async def create(self, workspace: str) -> None:
        """Make the cell of a new workspace; nothing where it is there. Raises `BadInputError` for what is no legal id,
        and `ConflictError` for one that was deleted: an id is never given again."""
        ...

    async def archive(self, workspace: str) -> None:
        """Its work stops where it stands, and nothing is written to it any more: `ArchivedError`. It can be read.
        Nothing where it is so already. Raises `NotFoundError`."""
        ...

    async def restore(self, workspace: str) -> None:
        """An archived workspace takes writes again, and its work goes on. Raises `NotFoundError`."""
        ...

    async def delete(self, workspace: str) -> str:
        """Save all that it holds as an export, and remove it; the export's path below the data folder.

        Once begun it comes to its end, also after a crash. Nothing where it was deleted before. Raises
        `NotFoundError`, `ConflictError` for the default workspace, and what the export raises; nothing is removed
        then."""
        ...

    def log(self, workspace: str) -> LogWriterPort: ...

    def budgets(self, workspace: str) -> BudgetPort: ...

    def projector(self, workspace: str) -> ProjectorPort: ...

    def queue(self, workspace: str) -> QueuePort: ...

    def repositories(self, workspace: str) -> RepositoriesPort: ...

    def workflow_engine(self, workspace: str) -> WorkflowEnginePort: ...
    def webhooks(self, workspace: str) -> WebhooksPort: ...
    def channels(self, workspace: str) -> ChannelsPort: ...

    def tools(self) -> ToolGatewayPort: ...

    def built_in_tool_servers(self) -> tuple[str, ...]:
        """Ids of the servers of tools that are a part of VAPORA."""
        ...

    def trackers(self, workspace: str) -> TrackersPort: ...

    def router(self) -> RouterStatusPort: ...

    def identity(self) -> IdentityPort: ...

    def search_index(self, workspace: str) -> Place:
        """Where the search index is, for `vapora.search.SearchReader`."""
        ...

    def read_store(self, workspace: str) -> Place:
        """Where the read models are, for `projections.engine.store.StoreReader`."""
        ...
