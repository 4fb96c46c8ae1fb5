"""Signed checkpoints: where the chain stood, kept outside the log's file, so that a cut tail shows.

One JSON object a line: {"workspace", "position", "digest", "at", "key", "signature"}. The file is only appended to.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic_core import from_json, to_json

from vapora import durable
from vapora.errors import CorruptLogError, LogError
from vapora.log import mapper
from vapora.log.chain import Tip
from vapora.log.event_log import EventLog
from vapora.log.proof.keys import SigningKey, Verifier

# Its name, in a workspace's folder.
CHECKPOINTS = "checkpoints.jsonl"
# Far above a line's length, which a workspace's name of 80 characters makes at most.
_LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """At `at` the workspace's chain ended at `position` with `digest` (hex); says the holder of the key."""

    workspace: str
    position: int
    digest: str
    at: str
    key: str
    signature: str = ""

    def message(self) -> bytes:
        """What is signed. No field but the last can hold a line break."""
        return f"vapora checkpoint 1\n{self.position}\n{self.digest}\n{self.at}\n{self.workspace}".encode()

    def line(self) -> bytes:
        return to_json(asdict(self)) + b"\n"


class CheckpointBook:
    """The checkpoints of one workspace, and the key to sign more. Used by one thread."""

    def __init__(self, path: Path, workspace: str, key: SigningKey) -> None:
        self._path = path
        self._workspace = workspace
        self._key = key

    def sign(self, tip: Tip, at: datetime) -> None:
        """On the disk for certain when this returns."""
        unsigned = Checkpoint(self._workspace, tip.position, tip.digest.hex(), mapper.instant(at), self._key.id)
        signed = replace(unsigned, signature=self._key.sign(unsigned.message()))
        try:
            if not self._path.exists():
                durable.make(self._path)
            with self._path.open("r+b") as file:
                # What a crash left half written is no checkpoint, and must not become the beginning of one.
                end = file.seek(0, os.SEEK_END)
                start = file.seek(max(0, end - _LONGEST))
                file.seek(start + _whole(file.read()))
                file.truncate()
                file.write(signed.line())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise LogError(
                f"No checkpoint can be written to {self._path}: {error}.",
                remedy="Make room on the disk, and the file writable for this user.",
            ) from error

    def require_whole(self, log: EventLog) -> None:
        """`CorruptLogError` where the log no longer holds what the newest checkpoint saw in it."""
        newest = _newest(self._path)
        if newest is None or newest.position == 0:
            return
        there = log.scan(newest.position - 1, 1)
        if not there or there[0].position != newest.position or there[0].digest.hex() != newest.digest:
            raise CorruptLogError(
                f"The log no longer holds what was signed at {newest.at}: position {newest.position} is missing or "
                "another one.",
                remedy="`vapora audit verify` tells where it was changed. Restore the log from a backup; to go on "
                f"without what is lost, move {self._path} away.",
                position=newest.position,
            )


def read(path: Path) -> list[Checkpoint]:
    """Those in the file, unproved; none where there is no file. `CorruptLogError` names a line that is none."""
    return _parse(path, _bytes(path, 0))


def _newest(path: Path) -> Checkpoint | None:
    lines = _bytes(path, _LONGEST).splitlines(keepends=True)
    return next(iter(_parse(path, lines[-1])), None) if lines else None


def _bytes(path: Path, last: int) -> bytes:
    """The file's lines that were written to their end, or those within its `last` bytes."""
    try:
        with path.open("rb") as file:
            if last:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last))
            data = file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise LogError(f"The checkpoints at {path} cannot be read: {error}.", remedy="Check the file.") from error
    return data[: _whole(data)]


def _parse(path: Path, data: bytes) -> list[Checkpoint]:
    found: list[Checkpoint] = []
    for number, line in enumerate(data.splitlines(), 1):
        try:
            one = Checkpoint(**from_json(line))
            texts = (one.workspace, one.digest, one.at, one.key, one.signature)
            if type(one.position) is not int or not all(isinstance(text, str) for text in texts):
                raise ValueError("its fields are of other types")
        except (ValueError, TypeError) as error:
            raise CorruptLogError(
                f"Line {number} of {path} is no checkpoint: {error}.", remedy="Restore the file from a backup."
            ) from error
        found.append(one)
    return found


def fault(found: list[Checkpoint], workspace: str, verifier: Verifier) -> str | None:
    """Why a checkpoint cannot be trusted; None: each was signed for this workspace by a key that is known."""
    for number, one in enumerate(found, 1):
        if one.workspace != workspace:
            return f"checkpoint {number} belongs to the workspace {one.workspace!r}"
        if not verifier.proves(one.key, one.message(), one.signature):
            return f"checkpoint {number} (position {one.position}) was changed: its signature does not fit"
    return None


def _whole(data: bytes) -> int:
    """How much of the file is lines that were written to their end."""
    return data.rfind(b"\n") + 1
