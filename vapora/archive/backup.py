"""An online backup: a copy of the data folder's truth, taken beside a running server and proved before it counts.

Its layout is that of a data folder, so restoring is copying it back. Read models are left out: they are built again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic_core import to_json

from events.ids import PEOPLE
from vapora import durable
from vapora.archive.files import copy, new_folder
from vapora.blobs import BlobStore, blobs_of
from vapora.errors import CorruptLogError, LogError
from vapora.log import mapper
from vapora.log.proof import CHECKPOINTS, Verdict, checkpoints, public_path, verify
from vapora.log.sqlite import SQLiteLog, translate_errors
from vapora.private_dirs import make_private
from vapora.readonly import Reading
from vapora.repo import bundles
from vapora.settings import Settings


@dataclass(frozen=True, slots=True)
class Saved:
    """What a backup holds of one workspace."""

    position: int
    digest: str
    events: int
    checkpoints: int
    blobs: int


def backup(settings: Settings, workspaces: list[str], folder: Path, at: datetime, version: str) -> dict[str, Saved]:
    """Into a folder that is new or empty, which holds all of it or nothing."""
    with new_folder(folder) as draft:
        saved = {workspace: _save(settings, workspace, draft / "workspaces" / workspace) for workspace in workspaces}
        _save_people(settings, draft)
        # Which workspaces are archived, and which names were deleted and are never given again.
        for record in sorted(settings.cells_folder.glob("*.json")):
            copy(record, draft / "cells" / record.name)
        for key in _keys(settings):
            # The private half too, where it lies in the data folder: restored without it, the server would not start.
            copy(key, draft / key.name, mode=0o644 if key.suffix == ".pub" else 0o600)
        if settings.vault_file.exists():
            # Encrypted as it is. Its key is left out: a backup with both would be as good as the secrets themselves.
            _copy_database(settings.vault_file, draft / settings.vault_file.name)
        (draft / "backup.json").write_bytes(_manifest(saved, at, version))
    return saved


def _save(settings: Settings, workspace: str, target: Path) -> Saved:
    make_private(target)
    # In this order what is copied is complete: checkpoints speak of a log that is there already, and events of texts.
    book = settings.checkpoints(workspace)
    if not isinstance(book, Path):
        durable.write(target / CHECKPOINTS, b"".join(one.line() for one in checkpoints.read(book)))
    elif book.exists():
        copy(book, target / CHECKPOINTS)
    _copy_database(settings.log_file(workspace), target / "log.db")
    # Those that the vault has not taken over yet: by another secret nobody could check what webhooks are sent. What
    # waits to be sent is not part of it.
    for secret in sorted(settings.webhook_secrets(workspace).glob("*")):
        copy(secret, target / "webhooks" / "secrets" / secret.name, mode=0o600)
    verdict = _prove(workspace, target)
    for project in bundles.projects(settings.repositories_folder(workspace)):
        with TemporaryDirectory(prefix="vapora-backup-") as folder:
            if bundles.save(os.environ, settings.repositories_folder(workspace) / project, Path(folder)):
                bundles.restore(os.environ, Path(folder), target / "repositories" / project)
    source = blobs_of(settings, workspace)
    blobs = BlobStore(target / "blobs")
    # `get` proves each text by its digest.
    count = sum(blobs.put(source.get(digest)) == digest for digest in source.digests())
    return Saved(verdict.tip.position, verdict.tip.digest.hex(), verdict.events, verdict.checkpoints, count)


def _save_people(settings: Settings, draft: Path) -> None:
    """The log of people before the names: who is registered meanwhile has a row that counts for nothing, which the next
    start removes; the other way round there would be people without a name. The keys of access tokens are left out:
    new ones are made, and nobody has to sign in again for it."""
    if settings.log_file(PEOPLE).exists():
        _save(settings, PEOPLE, draft / "workspaces" / PEOPLE)
    store = settings.people_folder / "people.db"
    if store.exists():
        make_private(draft / "people")
        _copy_database(store, draft / "people" / store.name)


def _copy_database(source: Path, target: Path) -> None:
    with translate_errors(source):
        # With the journal beside the file, also where nothing may be written there.
        with (
            closing(Reading(source)) as reading,
            closing(sqlite3.connect(reading.uri, uri=True)) as log,
            closing(sqlite3.connect(target)) as copied,
        ):
            # In one step: it reads one moment of a log that goes on being written, and holds nobody up.
            log.backup(copied, pages=-1)
        target.chmod(0o600)


def _prove(workspace: str, folder: Path) -> Verdict:
    log = SQLiteLog.open_for_reading(folder / "log.db")
    try:
        verdict = verify(log, checkpoints.read(folder / CHECKPOINTS))
    except LogError as error:
        raise CorruptLogError(
            f"The log of {workspace} cannot be backed up: {error.message}", remedy=_DAMAGED
        ) from error
    finally:
        log.close()
    if verdict.fault is not None:
        raise CorruptLogError(
            f"The log of {workspace} is not what was written. Position {verdict.position}: {verdict.fault}.",
            remedy=_DAMAGED,
            position=verdict.position,
        )
    return verdict


_DAMAGED = "No backup was made of it, so that none takes the place of a good one. See `vapora audit verify`."


def _keys(settings: Settings) -> Iterator[Path]:
    private = settings.audit_key_file
    if private.parent == settings.data.absolute():
        yield from (key for key in (private, public_path(private)) if key.exists())


def _manifest(saved: Mapping[str, Saved], at: datetime, version: str) -> bytes:
    of = {workspace: asdict(one) for workspace, one in saved.items()}
    return to_json({"at": mapper.instant(at), "vapora": version, "workspaces": of}, indent=2) + b"\n"
