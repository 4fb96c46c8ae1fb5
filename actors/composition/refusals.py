"""When no log may be opened, or written."""

from __future__ import annotations

from events.ids import is_workspace
from vapora.errors import ConfigurationError, NotFoundError, VaporaError, is_archived
from vapora.log.cell_records import open_cell_records
from vapora.settings import Settings


def require_not_deleted(settings: Settings, workspace: str) -> None:
    """`NotFoundError` for one that is being deleted, or was: nothing of it is to be made again by a late call."""
    record = open_cell_records(settings).get(workspace) if is_workspace(workspace) else None
    if record is not None and record.is_gone:
        raise NotFoundError(f"The workspace '{workspace}' was deleted.")


def seal(settings: Settings, workspace: str) -> VaporaError | None:
    record = open_cell_records(settings).get(workspace) if is_workspace(workspace) else None
    if record is None or record.state != "archived":
        return None
    return is_archived(workspace)


def require_one_machine(settings: Settings, nodes: int) -> None:
    """`ConfigurationError` for files on several nodes: a writer started again elsewhere would open an empty one."""
    if nodes > 1 and settings.database_url is None:
        raise ConfigurationError(
            f"This Ray cluster has {nodes} nodes, and SQLite files are on one of them only.",
            remedy="Set VAPORA_DATABASE_URL to a PostgreSQL database, or run VAPORA on one node.",
        )
