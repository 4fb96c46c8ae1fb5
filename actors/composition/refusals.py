"""When no log may be opened, or written."""

from __future__ import annotations

from events.ids import is_workspace
from vapora.domain.cell import CellRecord
from vapora.errors import ConfigurationError, NotFoundError, VaporaError, is_archived
from vapora.log.cell_records import open_cell_records
from vapora.settings import Settings

_MADE = "openssl genpkey -algorithm ed25519"


def require_not_deleted(settings: Settings, workspace: str) -> CellRecord | None:
    """`NotFoundError` for one that is being deleted, or was: nothing of it is to be made again by a late call. Else its
    record, if there is one."""
    record = open_cell_records(settings).get(workspace) if is_workspace(workspace) else None
    if record is not None and record.is_gone:
        raise NotFoundError(f"The workspace '{workspace}' was deleted.")
    return record


def seal(settings: Settings, workspace: str) -> VaporaError | None:
    """Why nothing is to be written to its log, if so. `NotFoundError` where nobody may open it any more."""
    record = require_not_deleted(settings, workspace)
    return is_archived(workspace) if record is not None and record.state == "archived" else None


def require_shared(settings: Settings, nodes: int) -> None:
    """`ConfigurationError` where several nodes would each have their own of what there must be one of: an actor that is
    started again elsewhere would find an empty log, no texts, or make another key. Who numbers installations has
    several of them, one after another."""
    if nodes < 2 and not settings.generation:
        return
    here = f"This Ray cluster has {nodes} nodes, and" if nodes > 1 else "VAPORA_GENERATION is set, and"
    if settings.database_url is None:
        raise ConfigurationError(
            f"{here} SQLite files are on one node only.",
            remedy="Set VAPORA_DATABASE_URL to a PostgreSQL database, or run VAPORA on one node.",
        )
    if not settings.blobs_url:
        raise ConfigurationError(
            f"{here} a data folder with large texts, checkpoints and snapshots is on one node only.",
            remedy="Set VAPORA_BLOBS_URL to a bucket of an S3-compatible store.",
        )
    if settings.audit_key is None:
        raise ConfigurationError(
            f"{here} each node would sign the log with a key of its own.",
            remedy=f"Set VAPORA_AUDIT_KEY on all of them to a file with the same key ({_MADE}).",
        )
    if not settings.audit_key_file.is_file():
        raise ConfigurationError(
            f"{here} VAPORA_AUDIT_KEY names a file that is not on this one: {settings.audit_key_file}.",
            remedy=f"Mount the same key on all of them ({_MADE}).",
        )
