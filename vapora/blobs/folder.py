"""Blobs as files of a folder, readable to their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from vapora import durable
from vapora.blobs.store import FRESH, PRUNED, Contents, StoredBlob, digest_of, is_digest, missing, place_of, verified
from vapora.errors import LogError


class BlobStore(Contents):
    """`folder` is made when the first blob is put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        target = self._folder / place_of(digest)
        try:
            if not self._holds(target, len(data)):
                durable.write(target, data)
        except OSError as error:
            raise LogError(
                f"A text of {len(data)} bytes cannot be stored in {self._folder}: {error}.",
                remedy="See that the folder is writable and the disk has room.",
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        path = self._folder / place_of(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            note = path.with_name(path.name + PRUNED)
            raise missing(digest, str(self._folder), note.read_bytes() if note.exists() else None) from error
        except OSError as error:
            raise LogError(f"The text {digest} cannot be read: {error}.", digest=digest) from error
        return verified(data, digest, str(path))

    def stored(self) -> Iterator[StoredBlob]:
        for path in sorted(self._folder.glob("??/*")):
            if is_digest(path.name):
                found = path.stat()
                yield StoredBlob(path.name, found.st_size, _modified_at(found))

    def remove(self, digest: str, before: datetime) -> bool:
        path = self._folder / place_of(digest)
        # Taken aside first: who puts the text again from here on finds no file, and writes it. What was put again
        # just before comes back.
        aside = path.with_name(f".old-{digest}")
        try:
            path.replace(aside)
        except FileNotFoundError:
            return True
        if _modified_at(aside.stat()) >= before:
            aside.replace(path)
            return False
        aside.unlink()
        return True

    def drop(self, digest: str, at: datetime) -> None:
        path = self._folder / place_of(digest)
        # The note first: whatever happens in between, who asks is told.
        durable.write(path.with_name(path.name + PRUNED), at.isoformat().encode())
        path.unlink(missing_ok=True)

    def dropped(self) -> Iterator[tuple[str, datetime]]:
        for path in sorted(self._folder.glob(f"??/*{PRUNED}")):
            digest = path.name.removesuffix(PRUNED)
            if is_digest(digest) and not path.with_name(digest).exists():
                yield digest, datetime.fromisoformat(path.read_text("ascii"))

    def _holds(self, target: Path, size: int) -> bool:
        # A damaged file of another length is replaced; one of the same length shows when it is read.
        if not target.is_file():
            return False
        found = target.stat()
        return found.st_size == size and datetime.now(UTC) - _modified_at(found) < FRESH


def _modified_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)
