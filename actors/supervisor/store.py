"""What the supervisor reads and writes of cells without opening any."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from vapora.archive.removal import Removal
from vapora.domain.cell import CellRecord, LogEnd
from vapora.log.cell_records import log_ends, open_cell_records
from vapora.log.places import workspaces
from vapora.settings import Settings


class CellStore(Protocol):
    """Blocking: call it outside the event loop."""

    def names(self) -> set[str]:
        """The workspaces that have a log. Raises `UnavailableError` where that cannot be asked."""
        ...

    def records(self) -> dict[str, CellRecord]: ...

    def record(self, workspace: str) -> CellRecord | None: ...

    def put(self, record: CellRecord) -> None: ...

    def forget(self, workspace: str) -> None: ...

    def ends(self, workspaces: Iterable[str]) -> dict[str, LogEnd]:
        """Where their logs end; without those that cannot be read."""
        ...

    def begin_removal(self, workspace: str, at: datetime) -> CellRecord: ...

    def save(self, record: CellRecord) -> CellRecord: ...

    def finish_removal(self, record: CellRecord) -> CellRecord: ...

    def is_left(self, record: CellRecord) -> bool: ...


class SettingsCellStore:
    """Of an installation, by its settings."""

    def __init__(self, settings: Settings, removal: Removal | None = None) -> None:
        self._settings = settings
        self._records = open_cell_records(settings)
        removal = removal or Removal(settings, self._records)
        self.records = self._records.every
        self.record = self._records.get
        self.put = self._records.put
        self.forget = self._records.forget
        self.begin_removal = removal.begin
        self.save = removal.save
        self.finish_removal = removal.finish
        self.is_left = removal.is_left

    def names(self) -> set[str]:
        return workspaces(self._settings)

    def ends(self, workspaces: Iterable[str]) -> dict[str, LogEnd]:
        return log_ends(self._settings, workspaces)
