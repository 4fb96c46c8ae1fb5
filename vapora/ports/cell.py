"""The actors of a workspace that hold its log, its money, its read models and its queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from vapora.commands import EditBudget, EditTaskBudget, SetBudget, SetTaskBudget
from vapora.ports.requests import IfMatch, Origin, RequestKey
from vapora.records import Append, AppendResult, Batch, StoredRecord
from vapora.views import DeadLetterView, LimitsChanged, QueueView


class LogWriterPort(Protocol):
    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        """Each request takes effect alone or not at all; the answers stand in the order of the requests."""
        ...

    async def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        """Events of one stream with version > `after`, as one page: see `vapora.records.is_full`."""
        ...

    async def pick(self, positions: Sequence[int]) -> list[StoredRecord]:
        """The events at these positions, those that there are, as one page."""
        ...

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()) -> Batch:
        """Events with position > `after`: at once if there are any, else when one comes or `timeout_s` is over."""
        ...

    async def head(self) -> int: ...

    async def health(self) -> dict[str, Any]:
        """`{"status": "ok" or what it is instead, "reason": text, "clock": what is wrong with it, or empty, …}`."""
        ...


class BudgetPort(Protocol):
    """`key`: a request that came under it before is answered as it was then. `if_match`: of `vapora.domain.limits`;
    `PreconditionFailedError` where others hold by now."""

    async def set_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: SetBudget | SetTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """Set limits. The position is that of the event that says so (of the last one where nothing changed)."""
        ...

    async def edit_budget(
        self,
        origin: Origin,
        scope: str,
        scope_id: str,
        command: EditBudget | EditTaskBudget,
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> LimitsChanged:
        """Change the limits that the command names, and no other."""
        ...


class ProjectorPort(Protocol):
    async def wait_for(self, position: int, timeout_s: float) -> int:
        """Until the read models have passed `position`, or the time is over: the position they have reached."""
        ...

    async def search_wait_for(self, position: int, timeout_s: float) -> int:
        """As `wait_for`, for the search index."""
        ...

    async def frames(self, after: int, limit: int = 1_000, timeout_s: float = 10) -> list[dict[str, Any]]:
        """Changed rows with position > `after` as frames `{position, rows}`, waiting for the first."""
        ...

    async def status(self) -> dict[str, Any]:
        """`{"position": …, "failed": {projection: "position topic: error"}, "rebuilding": {projection: position}}`."""
        ...

    async def health(self) -> dict[str, Any]:
        """`status` with `"problem"`: why it does not get on, or None."""
        ...


class QueuePort(Protocol):
    async def queue_health(self) -> str:
        """`log`, `nats`, or why NATS does not deliver."""
        ...

    async def disk(self) -> str:
        """Why no run starts on its disk; '': there is room."""
        ...

    async def queue_status(self) -> QueueView:
        """What waits to be taken, and the dead letters."""
        ...

    async def dead_letter(self, task_id: str) -> DeadLetterView:
        """The task's, as the queue has it now; raises `NotFoundError` where there is none, and `UnavailableError` where
        the queue cannot be asked."""
        ...
