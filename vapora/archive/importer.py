"""Where an export becomes a workspace: a new folder, or new schemas of the database. All of it, or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vapora import durable
from vapora.archive.export import Exported
from vapora.archive.files import copy, new_folder, parents_for, translate_errors
from vapora.archive.load import ExportFile
from vapora.blobs import Blobs, BlobStore, open_blobs
from vapora.clock import Clock
from vapora.database import Database
from vapora.errors import ConflictError
from vapora.log.cell_records import open_cell_records
from vapora.log.proof import CHECKPOINTS, CheckpointBook, SigningKey
from vapora.log.sqlite import SQLiteLog
from vapora.settings import Settings


def import_new(file: ExportFile, settings: Settings, clock: Clock) -> Exported:
    """The export's workspace, where the settings have it; texts go where they say too."""
    workspace = file.workspace
    _require_free(settings, workspace)
    folder, place = settings.workspace_folder(workspace), settings.log_place(workspace)
    # Nobody names these texts if the import fails.
    far = open_blobs(settings.blobs_url, folder, workspace) if settings.blobs_url else None
    if isinstance(place, Database):
        return _into_database(file, place, settings, clock, far)
    with new_folder(folder) as draft:
        log = SQLiteLog.open(draft / "log.db", workspace, clock)
        try:
            taken = file.load(log, far or BlobStore(draft / "blobs"))
        finally:
            log.close()
        where = settings.checkpoints(workspace)
        if isinstance(where, Path):
            CheckpointBook(draft / CHECKPOINTS, workspace, _key(settings)).sign(taken.tip, clock())
    if not isinstance(where, Path):
        CheckpointBook(where, workspace, _key(settings)).sign(taken.tip, clock())
    return taken


def _require_free(settings: Settings, workspace: str) -> None:
    """`ConflictError` for one that was deleted here: what is found of it is removed at the next start."""
    record = open_cell_records(settings).get(workspace)
    if record is not None and record.is_gone:
        raise ConflictError(
            f"The workspace '{workspace}' was deleted here, and its name is not given again.",
            remedy="Import it into another installation, which has its own data folder or database.",
        )


def _into_database(file: ExportFile, place: Database, settings: Settings, clock: Clock, far: Blobs | None) -> Exported:
    """The folder beside it may hold the same log's texts and checkpoints, from when it was a file."""
    # Its libraries take 0.2 s to import, which only who uses them shall pay.
    from vapora.log.postgres.draft import draft

    read, book_file = settings.read_place(file.workspace), settings.checkpoints(file.workspace)
    assert isinstance(read, Database)
    if not isinstance(book_file, Path):
        book = CheckpointBook(book_file, file.workspace, _key(settings))
        with draft(place, file.workspace, read) as log:
            taken = file.load(log, far or BlobStore(settings.blob_folder(file.workspace)))
            book.require_whole(log)
        # Until then the log is as good as one that its writer has not opened yet.
        book.sign(taken.tip, clock())
        return taken
    with _beside(book_file) as signed, draft(place, file.workspace, read) as log:
        taken = file.load(log, far or BlobStore(settings.blob_folder(file.workspace)))
        key = _key(settings)
        CheckpointBook(book_file, file.workspace, key).require_whole(log)
        # Before the commit: a full disk must not leave a log without its proof.
        CheckpointBook(signed, file.workspace, key).sign(taken.tip, clock())
    return taken


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A copy of the file to write to, if it is there; takes its place once the block ends. A folder that was made for
    it is gone again, with all in it, if the block raises."""
    folder = path.parent
    new = not folder.exists()
    with translate_errors(path), parents_for(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            with durable.draft(path) as draft:
                if path.exists():
                    copy(path, draft)
                yield draft
                durable.put(draft, path)
        except BaseException:
            if new:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _key(settings: Settings) -> SigningKey:
    return SigningKey.open(settings.audit_key_file)
