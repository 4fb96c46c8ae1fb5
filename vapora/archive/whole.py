"""A backup that needs nothing of where it was taken from: an export of each log, and all that stands beside it.

    backup.json                     what is in it, written last: without it there is no backup
    workspaces/<id>.jsonl.gz        the log with its texts, as `vapora export` writes it; `_people` too
    checkpoints/<id>.jsonl          those that were signed of it
    pruned/<id>.jsonl               digests of texts that `vapora prune` dropped
    people.jsonl, vault.jsonl, cells.jsonl
    repositories/<id>/<project>/    the bundle of our repository, and its configuration
    audit_key.pub                   proves the checkpoints

Into a folder, or an S3-compatible store; of files as of a database, and back into either. Neither the private key that
signs the log nor the one that opens the secrets is in it: who has the backup must not have those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from events.ids import PEOPLE
from vapora import durable
from vapora.archive.backup import Saved
from vapora.archive.export import export
from vapora.archive.importer import import_new
from vapora.archive.load import ExportFile
from vapora.blobs import blobs_of
from vapora.clock import Clock
from vapora.domain.cell import CellRecord
from vapora.errors import BadInputError, ConflictError, CorruptLogError, LogError
from vapora.identity.store import StoredPerson, open_store
from vapora.log import mapper
from vapora.log.cell_records import open_cell_records
from vapora.log.event_log import EventLog
from vapora.log.places import open_for_reading, workspaces
from vapora.log.proof import SigningKey, Verifier, checkpoints, public_path, verify
from vapora.log.proof.books import Checkpoint, checkpoints_at
from vapora.objects import Objects
from vapora.repo import bundles
from vapora.settings import Settings
from vapora.vault import put_rows, stored_rows

FORMAT, VERSION = "vapora-backup", 1
MANIFEST = "backup.json"
_PEOPLE, _VAULT, _CELLS, _KEY = "people.jsonl", "vault.jsonl", "cells.jsonl", "audit_key.pub"
_PERSON = TypeAdapter(StoredPerson)
_RECORD = TypeAdapter(CellRecord)
_CHECKPOINT = TypeAdapter(Checkpoint)


@dataclass(frozen=True, slots=True)
class File:
    """`size`: in bytes."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    format: str
    version: int
    at: str
    vapora: str
    workspaces: dict[str, Saved]
    repositories: dict[str, list[str]]
    files: dict[str, File]


_MANIFEST = TypeAdapter(Manifest)


def save_all(settings: Settings, target: Objects, at: datetime, version: str) -> Manifest:
    """Into a place where nothing is yet, beside a running server. Raises `ConflictError` where there is something, and
    `CorruptLogError` for a log that is not what was written: then there is no backup."""
    if next(iter(target.listed()), None) is not None:
        raise ConflictError(f"There is something at {target} already.", remedy="Name another folder or prefix.")
    saving = _Saving(settings, target, at, version)
    with TemporaryDirectory(prefix="vapora-backup-") as folder:
        saving.drafts = Path(folder)
        # The log of people before the names, as in any backup (`vapora.archive.backup`).
        names = [*sorted(workspaces(settings)), *([PEOPLE] if _has_people(settings) else [])]
        if not names:
            raise BadInputError("There is no log here.", remedy="Check VAPORA_DATABASE_URL, or --data (VAPORA_DATA).")
        of = {name: saving.log(name) for name in names}
        saving.lines(_PEOPLE, _people_lines(settings))
        saving.lines(_VAULT, stored_rows(settings))
        saving.lines(_CELLS, (to_json(one) + b"\n" for one in open_cell_records(settings).every().values()))
        repositories = {name: kept for name in names if (kept := saving.repositories(name))}
        if (public := public_path(settings.audit_key_file)).exists():
            saving.file(_KEY, public)
    manifest = Manifest(FORMAT, VERSION, mapper.instant(at), version, of, repositories, saving.files)
    target.write(MANIFEST, to_json(manifest, indent=2) + b"\n")
    return manifest


def prove(settings: Settings, source: Objects) -> Manifest:
    """That the backup is whole: each of its files is read back and compared with its digest, and every workspace that
    there is now is in it. Raises `BadInputError` where there is no backup, `CorruptLogError` where it is not whole."""
    manifest = read_manifest(source)
    there = workspaces(settings) | ({PEOPLE} if _has_people(settings) else set())
    if missing := sorted(there - manifest.workspaces.keys()):
        raise CorruptLogError(f"{source} is without {', '.join(missing)}.", remedy="Take another backup.")
    with TemporaryDirectory(prefix="vapora-proof-") as folder:
        fetched = _Fetched(source, manifest, Path(folder))
        for name in manifest.files:
            fetched.file(name).unlink()
    return manifest


def restore_all(settings: Settings, source: Objects, clock: Clock) -> Manifest:
    """Into an installation where there is nothing yet, in files or a database. One that was cut off is gone on with by
    calling it again. Raises `BadInputError` where there is no backup, `CorruptLogError` for one that was changed, and
    `ConflictError` where a workspace is there with another past."""
    manifest = read_manifest(source)
    there = workspaces(settings)
    if strange := sorted(there - manifest.workspaces.keys()):
        raise ConflictError(
            f"There are workspaces here that the backup does not know: {', '.join(strange)}.",
            remedy="Restore into an installation of its own: another data folder, or another database.",
        )
    _require_key(settings, manifest, source)
    with TemporaryDirectory(prefix="vapora-restore-") as folder:
        fetched = _Fetched(source, manifest, Path(folder))
        put_rows(settings, fetched.lines(_VAULT))
        records = open_cell_records(settings)
        for line in fetched.lines(_CELLS):
            records.put(_RECORD.validate_json(line))
        for name, saved in manifest.workspaces.items():
            if name in there or (name == PEOPLE and _has_people(settings)):
                _require_same(settings, name, saved)
            else:
                with closing(ExportFile(fetched.file(f"workspaces/{name}.jsonl.gz"), of_people=True)) as opened:
                    import_new(opened, settings, clock)
            _restore_checkpoints(settings, name, fetched)
            blobs = blobs_of(settings, name)
            for line in fetched.lines(f"pruned/{name}.jsonl"):
                one = json.loads(line)
                blobs.drop(one["digest"], datetime.fromisoformat(one["at"]))
        _put_people(settings, fetched.lines(_PEOPLE))
        # Last: an import makes the folders of its workspace.
        for name, projects in manifest.repositories.items():
            for project in projects:
                below = f"repositories/{name}/{project}"
                fetched.file(f"{below}/{bundles.CONFIG}")
                bundle = fetched.file(f"{below}/{bundles.BUNDLE}")
                bundles.restore(os.environ, bundle.parent, settings.repositories_folder(name) / project)
    return manifest


def read_manifest(source: Objects) -> Manifest:
    data = source.read(MANIFEST)
    if data is None:
        raise BadInputError(f"There is no backup at {source}.", remedy=f"Name the place where its {MANIFEST} is.")
    try:
        manifest = _MANIFEST.validate_json(data)
    except ValidationError as error:
        raise CorruptLogError(f"{source}/{MANIFEST} is none of ours.", remedy="Take another backup.") from error
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise BadInputError(
            f"{source} is a backup of version {manifest.version}; this VAPORA knows version {VERSION}.",
            remedy="Restore it with the version of VAPORA that made it, or a newer one.",
        )
    return manifest


class _Saving:
    """What is being put into a backup. `drafts`: a folder for files on their way."""

    drafts: Path

    def __init__(self, settings: Settings, target: Objects, at: datetime, version: str) -> None:
        self._settings, self._target, self._at, self._version = settings, target, at, version
        self.files: dict[str, File] = {}

    def file(self, name: str, path: Path) -> None:
        with path.open("rb") as opened:
            self.files[name] = File(path.stat().st_size, file_digest(opened, "sha256").hexdigest())
        self._target.take(name, path)

    def lines(self, name: str, lines: Iterable[bytes]) -> None:
        draft = self.drafts / "lines"
        with draft.open("wb") as out:
            out.writelines(lines)
        self.file(name, draft)

    def log(self, workspace: str) -> Saved:
        # Checkpoints speak of a log that is there already.
        signed = checkpoints.read(self._settings.checkpoints(workspace))
        draft = self.drafts / "log.jsonl.gz"
        draft.unlink(missing_ok=True)
        blobs = blobs_of(self._settings, workspace)
        with closing(open_for_reading(self._settings.log_place(workspace))) as log:
            self._prove(workspace, log, signed)
            done = export(log, blobs, workspace, draft, self._at, self._version)
        self.lines(f"checkpoints/{workspace}.jsonl", (one.line() for one in signed))
        self.file(f"workspaces/{workspace}.jsonl.gz", draft)
        dropped = ({"digest": digest, "at": at.isoformat()} for digest, at in blobs.dropped())
        self.lines(f"pruned/{workspace}.jsonl", (to_json(one) + b"\n" for one in dropped))
        return Saved(done.tip.position, done.tip.digest.hex(), done.events, len(signed), done.blobs)

    def repositories(self, workspace: str) -> list[str]:
        kept, folder = [], self._settings.repositories_folder(workspace)
        for project in bundles.projects(folder):
            draft = self.drafts / "repository"
            if bundles.save(os.environ, folder / project, draft):
                for name in (bundles.BUNDLE, bundles.CONFIG):
                    self.file(f"repositories/{workspace}/{project}/{name}", draft / name)
                kept.append(project)
        return kept

    def _prove(self, workspace: str, log: EventLog, signed: list[Checkpoint]) -> None:
        wrong = checkpoints.fault(signed, workspace, Verifier.beside(self._settings.audit_key_file)) if signed else None
        wrong = wrong or verify(log, signed).fault
        if wrong:
            raise CorruptLogError(
                f"The log of {workspace} is not what was written: {wrong}.",
                remedy="No backup was made, so that none takes the place of a good one. See `vapora audit verify`.",
            )


class _Fetched:
    """Files of a backup, each proved by its digest before it is used."""

    def __init__(self, source: Objects, manifest: Manifest, folder: Path) -> None:
        self._source, self._manifest, self._folder = source, manifest, folder

    def file(self, name: str) -> Path:
        known, path = self._manifest.files.get(name), self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if known is None or not self._source.fetch(name, path):
            raise CorruptLogError(f"{self._source}/{name} is missing.", remedy="Take another backup.")
        with path.open("rb") as opened:
            if (path.stat().st_size, file_digest(opened, "sha256").hexdigest()) != (known.size, known.sha256):
                raise CorruptLogError(f"{self._source}/{name} was changed.", remedy="Take another backup.")
        return path

    def lines(self, name: str) -> Iterator[bytes]:
        with self.file(name).open("rb") as file:
            yield from file


def _restore_checkpoints(settings: Settings, workspace: str, fetched: _Fetched) -> None:
    """What was signed before, beside what the import has signed. Behind the log that they speak of."""
    where = settings.checkpoints(workspace)
    ours = checkpoints.read(where)
    kept = list(map(_CHECKPOINT.validate_json, fetched.lines(f"checkpoints/{workspace}.jsonl")))
    missing = [one for one in kept if one not in ours]
    if isinstance(where, Path) and missing:
        # The newest one is looked for at the file's end.
        in_order = sorted((*missing, *ours), key=lambda one: one.position)
        durable.write(where, b"".join(one.line() for one in in_order))
    elif missing:
        book = checkpoints_at(where)
        for one in missing:
            book.add(one)


def _require_key(settings: Settings, manifest: Manifest, source: Objects) -> None:
    """Else the server would refuse, after all of it was restored, to go on with what another key has signed."""
    key = SigningKey.open(settings.audit_key_file)
    for name in manifest.workspaces:
        data = source.read(f"checkpoints/{name}.jsonl") or b""
        for line in data.splitlines()[-1:]:
            if not key.knows(_CHECKPOINT.validate_json(line).key):
                raise ConflictError(
                    f"The log of {name} was signed by another key than {settings.audit_key_file}.",
                    remedy="Put that key back, as VAPORA_AUDIT_KEY or in the data folder. Where it is lost, put the "
                    f"backup's {_KEY} in front of what is in {public_path(settings.audit_key_file)}.",
                )


def _require_same(settings: Settings, workspace: str, saved: Saved) -> None:
    with closing(open_for_reading(settings.log_place(workspace))) as log:
        found = log.scan(saved.position - 1, 1) if saved.position else []
        if saved.position and (not found or found[0].digest.hex() != saved.digest):
            raise ConflictError(
                f"The workspace '{workspace}' is here already, with another past than the backup's.",
                remedy="Restore into an installation of its own: another data folder, or another database.",
            )


def _has_people(settings: Settings) -> bool:
    try:
        with closing(open_for_reading(settings.log_place(PEOPLE))) as log:
            return log.head() > 0
    except LogError:
        return False


def _people_lines(settings: Settings) -> Iterator[bytes]:
    if not _has_people(settings):
        return
    with closing(open_store(settings)) as store:
        yield from (json.dumps({"person": asdict(one)}).encode() + b"\n" for one in store.people())
        for invitation, email in store.invited().items():
            yield json.dumps({"invited": invitation, "email": email}).encode() + b"\n"


def _put_people(settings: Settings, lines: Iterator[bytes]) -> None:
    known = list(map(json.loads, lines))
    if not known:
        return
    with closing(open_store(settings)) as store:
        for one in known:
            if "person" in one:
                store.put(_PERSON.validate_python(one["person"]))
            else:
                store.put_invited(one["invited"], one["email"])
