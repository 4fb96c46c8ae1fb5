"""What every blob store can do, and what they share."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from events.content import INLINE_LIMIT_BYTES, Content
from vapora.errors import CorruptLogError, NotFoundError, PrunedError

# The name of the note in a dropped text's place.
PRUNED = ".pruned"
_DIGEST = re.compile(r"[0-9a-f]{64}")
# A text that is put again is written again once it is so old: its age then says that somebody may be about to name it.
FRESH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    digest: str
    size: int
    modified_at: datetime


class Blobs(Protocol):
    """Blocking: call it outside the event loop."""

    def content(self, text: str) -> Content:
        """The text as it stands in an event: inline while small, else stored here."""
        ...

    def text(self, content: Content) -> str:
        """`NotFoundError` for a blob that is not here, `CorruptLogError` for one that was changed."""
        ...

    def put(self, data: bytes) -> str:
        """Its digest; stored for certain when this returns. Putting the same again changes nothing but its age."""
        ...

    def get(self, digest: str) -> bytes: ...

    def stored(self) -> Iterator[StoredBlob]:
        """Everything that is here."""
        ...

    def digests(self) -> Iterator[str]:
        """Of all that is here, in their order."""
        ...

    def remove(self, digest: str, before: datetime) -> bool:
        """Unless it was put again since `before`. Whether it is gone."""
        ...

    def drop(self, digest: str, at: datetime) -> None:
        """Make room: the text goes, and that it was here stays, so that who asks for it is told (`PrunedError`)."""
        ...

    def dropped(self) -> Iterator[tuple[str, datetime]]:
        """Digests of texts that were dropped, and when."""
        ...


def inline(text: str) -> Content | None:
    """As a small text stands in its event, for which no store is asked; None for one that is kept apart."""
    if len(text) > INLINE_LIMIT_BYTES:
        return None
    data = encoded(text)
    return Content(text=data.decode(), size=len(data)) if len(data) <= INLINE_LIMIT_BYTES else None


def encoded(text: str) -> bytes:
    """A model may cut a character in half. Its answer is paid for: half a character becomes "?", the rest is kept."""
    return text.encode(errors="replace")


class Contents:
    """Texts of events over `put` and `get`."""

    def content(self, text: str) -> Content:
        small = inline(text)
        if small is not None:
            return small
        data = encoded(text)
        return Content(digest=self.put(data), size=len(data))

    def text(self, content: Content) -> str:
        if content.text is not None:
            return content.text
        assert content.digest is not None
        return self.get(content.digest).decode()

    def digests(self) -> Iterator[str]:
        return iter(sorted(one.digest for one in self.stored()))

    def stored(self) -> Iterator[StoredBlob]:
        raise NotImplementedError

    def put(self, data: bytes) -> str:
        raise NotImplementedError

    def get(self, digest: str) -> bytes:
        raise NotImplementedError


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def is_digest(name: str) -> bool:
    return _DIGEST.fullmatch(name) is not None


def place_of(digest: str) -> str:
    """Below two letters a folder: listings stay short at a million blobs."""
    if not is_digest(digest):
        raise NotFoundError(f"{digest!r} is not a digest.")
    return f"{digest[:2]}/{digest}"


def missing(digest: str, where: str, note: bytes | None) -> NotFoundError:
    """`note`: what stands in the place of one that was dropped."""
    if note is None:
        return NotFoundError(f"The text {digest} is not in {where}.", digest=digest)
    return PrunedError(
        f"The text {digest} was dropped at {note.decode('ascii', 'replace')}, as those of old runs are to make room.",
        remedy="Its digest and size stand in the event. A backup from before then still has it.",
        digest=digest,
    )


def verified(data: bytes, digest: str, where: str) -> bytes:
    if digest_of(data) != digest:
        raise CorruptLogError(
            f"The text at {where} is not the one that was stored.",
            remedy="It was changed or damaged: restore it from a backup.",
            digest=digest,
        )
    return data
