"""A workspace's end: all that it holds is exported, and then removed, step by step.

Each step may be done again, and what is done is not undone by doing it: whatever crash comes in between, the record of
the cell says `deleting`, and the next start goes through the steps once more. The log goes last, for while it is there
the rest could be told from it. Nothing is removed before the export is whole on the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vapora import __version__, database
from vapora.archive.export import export
from vapora.blobs import Blobs, blobs_of
from vapora.database import Place
from vapora.domain.cell import CellRecord
from vapora.log.cell_records import CellRecords
from vapora.log.places import open_for_reading, workspaces
from vapora.objects import Objects, objects_at
from vapora.private_dirs import delete_tree, make_private
from vapora.queue.nats.options import options_of
from vapora.settings import Settings
from vapora.vault import open_vault


class Removal:
    """Blocking: call it outside the event loop. `before`: told of each step's name; for tests of crashes."""

    def __init__(
        self, settings: Settings, records: CellRecords, before: Callable[[str], None] = lambda step: None
    ) -> None:
        self._settings = settings
        self._records = records
        self._before = before

    def begin(self, workspace: str, at: datetime) -> CellRecord:
        """From here on nobody opens it, and its name is taken for ever."""
        record = CellRecord(workspace, "deleting", at)
        self._records.put(record)
        return record

    def save(self, record: CellRecord) -> CellRecord:
        """The export, unless it is there; what it raises leaves everything in its place."""
        if record.export:
            return record
        self._before("export")
        workspace = record.workspace
        path = self._settings.exports_folder / f"{workspace}-{record.at:%Y%m%dT%H%M%S}.jsonl.gz"
        if not path.exists() and workspace in workspaces(self._settings):
            make_private(path.parent)
            log = open_for_reading(self._settings.log_place(workspace))
            try:
                export(log, self._blobs(workspace), workspace, path, record.at, __version__)
            finally:
                log.close()
        place = str(path.relative_to(self._settings.data.absolute()))
        if (shared := self._settings.exports()) is not None:
            # What is in a pod's own folder goes with the pod.
            if path.exists():
                shared.take(path.name, path)
                path.unlink()
            place = f"{shared}/{path.name}"
        self._before("note the export")
        saved = replace(record, export=place)
        self._records.put(saved)
        return saved

    def finish(self, record: CellRecord) -> CellRecord:
        """Removes all but the export. Raises where a store is away; then it is to be called again."""
        workspace = record.workspace
        steps: dict[str, Callable[[str], None]] = {
            "streams": self._remove_streams,
            "texts": self._remove_blobs,
            "shared": self._remove_shared,
            "secrets": self._remove_secrets,
            "read models": lambda one: _remove(self._settings.read_place(one)),
            "search index": lambda one: _remove(self._settings.search_place(one)),
            "log": lambda one: _remove(self._settings.log_place(one)),
            "folder": lambda one: delete_tree(self._settings.workspace_folder(one)),
        }
        for name, step in steps.items():
            self._before(name)
            step(workspace)
        self._before("note the end")
        gone = replace(record, state="deleted")
        self._records.put(gone)
        return gone

    def is_left(self, record: CellRecord) -> bool:
        """Whether something came after the end: an answer of a model that was still out, kept as a text."""
        return record.state == "deleting" or self._settings.workspace_folder(record.workspace).exists()

    def _remove_streams(self, workspace: str) -> None:
        options = options_of(self._settings)
        if options is not None:
            from vapora.queue.nats.removal import remove_workspace  # who needs no NATS spares its import

            remove_workspace(options, workspace)

    def _remove_blobs(self, workspace: str) -> None:
        if self._settings.blobs_url:  # else they are in the folder
            _empty(objects_at(self._settings.blobs_url, "VAPORA_BLOBS_URL", workspace))

    def _remove_shared(self, workspace: str) -> None:
        """What else is in the store that all nodes share."""
        for kind in ("snapshots", "outboxes", "checkpoints", "branches"):
            objects = self._settings.shared(kind, workspace)
            if objects is not None:  # else it is in the folder
                _empty(objects)

    def _remove_secrets(self, workspace: str) -> None:
        chosen = self._settings
        if not chosen.vault_url and chosen.database_url is None and not chosen.vault_file.exists():
            return  # nobody ever stored one, and a vault is not made for that
        with closing(open_vault(chosen)) as vault:
            for one in vault.list(workspace):
                vault.delete(workspace, one.name)

    def _blobs(self, workspace: str) -> Blobs:
        return blobs_of(self._settings, workspace)


def _empty(objects: Objects) -> None:
    for one in list(objects.listed()):
        objects.remove(one.name)


def _remove(place: Place) -> None:
    if isinstance(place, Path):
        for path in (place, *(place.with_name(place.name + end) for end in ("-wal", "-shm"))):
            path.unlink(missing_ok=True)
    else:
        database.drop(place)
