"""Reading an export back: nothing of it counts before all of it is proved."""

from __future__ import annotations

import gzip
import zlib
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from pydantic_core import from_json

from events.ids import PEOPLE, is_workspace
from vapora.archive.export import FORMAT, STATE, VERSION, Exported
from vapora.blobs import Blobs
from vapora.errors import BadInputError, CorruptLogError, VaporaError
from vapora.log import mapper
from vapora.log.chain import GENESIS, Link, Tip, follows
from vapora.log.event_log import EventLog
from vapora.records import StoredRecord

_BATCH = 2_000
# A statement of PostgreSQL takes 1 GB; memory is to stay far below.
_BATCH_BYTES = 16 * 1024 * 1024
_GZIP = b"\x1f\x8b"


class ExportFile:
    """An export, read once from its beginning to its end. `CorruptLogError` names the line that cannot be right."""

    def __init__(self, path: Path, *, of_people: bool = False) -> None:
        """`of_people`: the log of people, which is no workspace, may be in it too."""
        self._path = path
        try:
            self._file = _open(path)
        except OSError as error:
            raise BadInputError(f"The export {path} cannot be read: {error}.", remedy="Check its name.") from error
        self._number = 0
        self._lines = self._read()
        try:
            about = self._next()
            if about.get("format") != FORMAT:
                raise self._wrong("it is no header of an export")
            if about.get("version") != VERSION:
                raise BadInputError(
                    f"{path} is an export of version {about.get('version')}; this VAPORA knows version {VERSION}.",
                    remedy="Import it with the version of VAPORA that wrote it, or a newer one.",
                )
            self.workspace = str(about["workspace"])
            # It becomes the name of a folder.
            if not is_workspace(self.workspace) and not (of_people and self.workspace == PEOPLE):
                raise ValueError("the workspace has no possible name")
            self.tip = Tip(int(about["position"]), bytes.fromhex(about["digest"]))
        except (KeyError, ValueError, TypeError) as error:
            self.close()
            raise self._wrong(f"its header is incomplete ({error})") from error
        except VaporaError:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def load(self, log: EventLog, blobs: Blobs) -> Exported:
        """All of it into an empty log, whose caller lets nobody see it before this returns."""
        if log.head():
            raise BadInputError("An export is imported into an empty log.", remedy="Name another data folder.")
        tip, events, texts, size, batch = GENESIS, 0, 0, 0, list[Link]()
        while "end" not in (members := self._next()):
            if "blob" in members:
                self._text(members, blobs)
                texts += 1
                continue
            one = self._link(members, tip)
            tip, events = Tip(one.position, one.digest), events + 1
            batch.append(one)
            size += len(one.state)
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                log.load(batch)
                batch, size = [], 0
        if batch:
            log.load(batch)
        if tip != self.tip:
            raise self._wrong(f"its events end at position {tip.position}, the header says {self.tip.position}")
        if members["end"] != {"events": events, "blobs": texts}:
            raise self._wrong(f"it counts {members['end']}, and {events} events and {texts} blobs came before it")
        if next(self._lines, None) is not None:
            raise self._wrong("something stands behind the end")
        return Exported(self.workspace, tip, events, texts)

    def _link(self, members: dict[str, Any], before: Tip) -> Link:
        try:
            one = Link(
                members["position"],
                members["stream"].encode(),
                members["version"],
                members["topic"].encode(),
                members["state"],
                bytes.fromhex(members["digest"]),
            )
            whole = one.position > before.position and follows(before.digest, one)
        except Exception as error:  # a number that is a text, a text that is a list: whatever damage makes of it
            raise self._wrong(f"it is no event ({type(error).__name__}: {error})") from error
        if not whole:
            raise self._wrong(
                f"the event at position {one.position} does not follow from position {before.position}: it was "
                "changed, moved, or something before it is missing"
            )
        if before is GENESIS and self._workspace_of(one) != self.workspace:
            raise self._wrong(f"its events belong to the workspace {self._workspace_of(one)!r}, says the first one")
        return one

    def _workspace_of(self, one: Link) -> str:
        record = StoredRecord(one.position, one.stream.decode(), one.version, one.topic.decode(), one.state)
        return mapper.workspace(record)

    def _text(self, members: dict[str, Any], blobs: Blobs) -> None:
        try:
            data = b64decode(members["base64"], validate=True)
        except (KeyError, ValueError, TypeError) as error:
            raise self._wrong(f"it is no text ({error})") from error
        if sha256(data).hexdigest() != members["blob"]:
            raise self._wrong("its text is not the one that its digest names")
        blobs.put(data)

    def _next(self) -> dict[str, Any]:
        line = next(self._lines, None)
        if line is None:
            raise self._wrong("the file ends before its end was written")
        head, state, rest = line.partition(STATE)
        try:
            members = from_json(head + b"}" if state else head)
        except ValueError as error:
            raise self._wrong(f"it is no JSON ({error})") from error
        if not isinstance(members, dict):
            raise self._wrong("it is no JSON object")
        if state and not rest.endswith(b"}"):
            raise self._wrong("it is no JSON object")
        return {**members, "state": rest[:-1]} if state else members

    def _read(self) -> Iterator[bytes]:
        while True:
            self._number += 1
            try:
                line = self._file.readline()
            except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
                raise self._wrong(f"it cannot be read ({error})") from error
            if not line:
                return
            if not line.endswith(b"\n"):
                raise self._wrong("the file ends in the middle of it")
            yield line[:-1]

    def _wrong(self, what: str) -> CorruptLogError:
        return CorruptLogError(
            f"Line {self._number} of {self._path}: {what}.",
            remedy="Nothing was imported. Take another copy, or export again.",
            line=self._number,
        )


def _open(path: Path) -> IO[bytes]:
    # By what it is, not by its name: files are renamed.
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    return gzip.open(path, "rb") if compressed else path.open("rb")  # type: ignore[return-value]
