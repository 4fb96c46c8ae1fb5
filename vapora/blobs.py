"""Large texts beside the log: each is a file named by the SHA-256 of what it holds.

Stored before the event that names it is appended, so an event never points to nothing; a crash between the two
leaves a file that nobody names, which harms nobody.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from events.content import INLINE_LIMIT_BYTES, Content
from vapora.errors import CorruptLogError, LogError, NotFoundError

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """`folder` is made when the first blob is put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def content(self, text: str) -> Content:
        """The text as it stands in an event: inline while small, else stored here."""
        # A model may cut a character in half. Its answer is paid for: half a character becomes "?", the rest is kept.
        data = text.encode(errors="replace")
        if len(data) <= INLINE_LIMIT_BYTES:
            return Content(text=data.decode(), size=len(data))
        return Content(digest=self.put(data), size=len(data))

    def text(self, content: Content) -> str:
        """`NotFoundError` for a blob that is not here, `CorruptLogError` for one that was changed."""
        if content.text is not None:
            return content.text
        assert content.digest is not None
        return self.get(content.digest).decode()

    def put(self, data: bytes) -> str:
        """Its digest; on the disk for certain when this returns. Putting the same again changes nothing."""
        digest = hashlib.sha256(data).hexdigest()
        target = self._path(digest)
        try:
            if not self._holds(target, len(data)):
                self._write(target, data)
        except OSError as error:
            raise LogError(
                f"A text of {len(data)} bytes cannot be stored in {self._folder}: {error}.",
                remedy="See that the folder is writable and the disk has room.",
            ) from error
        return digest

    def get(self, digest: str) -> bytes:
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"The text {digest} is not in {self._folder}.", digest=digest) from error
        except OSError as error:
            raise LogError(f"The text {digest} cannot be read: {error}.", digest=digest) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptLogError(
                f"The text at {path} is not the one that was stored.",
                remedy="The file was changed or damaged: restore it from a backup.",
                digest=digest,
            )
        return data

    def digests(self) -> Iterator[str]:
        """Of all that is here, in their order."""
        for path in sorted(self._folder.glob("??/*")):
            if _DIGEST.fullmatch(path.name):
                yield path.name

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError(f"{digest!r} is not a digest.")
        # Two letters a folder: listings stay short at a million blobs.
        return self._folder / digest[:2] / digest

    def _holds(self, target: Path, size: int) -> bool:
        # A damaged file of another length is replaced; one of the same length shows when it is read.
        return target.is_file() and target.stat().st_size == size

    def _write(self, target: Path, data: bytes) -> None:
        made = [folder for folder in (target.parent, self._folder) if not folder.exists()]
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)
        for folder in made:
            _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Makes a rename in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
