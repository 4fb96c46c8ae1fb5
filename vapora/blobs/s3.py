"""Blobs as objects of an S3-compatible store (`vapora.objects`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from vapora.blobs.store import FRESH, PRUNED, Contents, StoredBlob, digest_of, is_digest, missing, place_of, verified
from vapora.objects import S3Objects


class S3BlobStore(Contents):
    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        place = place_of(digest)
        found = self._objects.find(place)
        if found is None or found.size != len(data) or datetime.now(UTC) - found.modified_at >= FRESH:
            # Content-addressed, so that sending it again after a lost answer is harmless.
            self._objects.write(place, data)
        return digest

    def get(self, digest: str) -> bytes:
        place = place_of(digest)
        data = self._objects.read(place)
        if data is None:
            raise missing(digest, str(self._objects), self._objects.read(place + PRUNED))
        return verified(data, digest, f"{self._objects}/{place}")

    def stored(self) -> Iterator[StoredBlob]:
        for one in self._objects.listed():
            name = one.name.rpartition("/")[2]
            if is_digest(name):
                yield StoredBlob(name, one.size, one.modified_at)

    def remove(self, digest: str, before: datetime) -> bool:
        place = place_of(digest)
        found = self._objects.find(place)
        # S3 cannot look and delete in one step: a text that is put again in between would be lost, hence FRESH and
        # a grace period far above it.
        if found is not None and found.modified_at >= before:
            return False
        self._objects.remove(place)
        return True

    def drop(self, digest: str, at: datetime) -> None:
        place = place_of(digest)
        # The note first: whatever happens in between, who asks is told.
        self._objects.write(place + PRUNED, at.isoformat().encode())
        self._objects.remove(place)

    def dropped(self) -> Iterator[tuple[str, datetime]]:
        names = {one.name for one in self._objects.listed()}
        for name in sorted(names):
            digest = name.rpartition("/")[2].removesuffix(PRUNED)
            if name.endswith(PRUNED) and is_digest(digest) and name.removesuffix(PRUNED) not in names:
                yield digest, datetime.fromisoformat((self._objects.read(name) or b"").decode("ascii"))
