"""Signed checkpoints: where the chain stood, kept outside the log, so that a cut tail shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vapora.errors import ConfigurationError, CorruptLogError
from vapora.log import mapper
from vapora.log.chain import Tip
from vapora.log.event_log import EventLog
from vapora.log.proof.books import Checkpoint, checkpoints_at
from vapora.log.proof.keys import SigningKey, Verifier
from vapora.objects import Objects

# The file's name, in a workspace's folder.
CHECKPOINTS = "checkpoints.jsonl"


class CheckpointBook:
    """The checkpoints of one workspace, in a file or in objects, and the key to sign more. Used by one thread."""

    def __init__(self, where: Path | Objects, workspace: str, key: SigningKey) -> None:
        self._kept = checkpoints_at(where)
        self._workspace = workspace
        self._key = key

    def sign(self, tip: Tip, at: datetime) -> None:
        """Stored for certain when this returns."""
        unsigned = Checkpoint(self._workspace, tip.position, tip.digest.hex(), mapper.instant(at), self._key.id)
        self._kept.add(replace(unsigned, signature=self._key.sign(unsigned.message())))

    def require_whole(self, log: EventLog) -> None:
        """`CorruptLogError` where the log no longer holds what the newest checkpoint saw in it; `ConfigurationError`
        where another key signed that: the proof of a log would fall into parts that nobody could put together."""
        newest = self._kept.newest()
        if newest is None:
            return
        if not self._key.knows(newest.key):
            raise ConfigurationError(
                f"The log of {self._workspace} was signed at {newest.at} by another key ({newest.key}) than this "
                f"node's ({self._key.id}).",
                remedy="Give every node the same VAPORA_AUDIT_KEY. Where the key was replaced on purpose, put the old "
                "public key in front of the new one in the file beside it that ends in .pub.",
            )
        if newest.position == 0:
            return
        there = log.scan(newest.position - 1, 1)
        if not there or there[0].position != newest.position or there[0].digest.hex() != newest.digest:
            raise CorruptLogError(
                f"The log no longer holds what was signed at {newest.at}: position {newest.position} is missing or "
                "another one.",
                remedy="`vapora audit verify` tells where it was changed. Restore the log from a backup; to go on "
                f"without what is lost, move {self._kept} away.",
                position=newest.position,
            )


def read(where: Path | Objects) -> list[Checkpoint]:
    """Those that are there, unproved; none where there is no place yet. `CorruptLogError` names what is none."""
    return checkpoints_at(where).all()


def fault(found: list[Checkpoint], workspace: str, verifier: Verifier) -> str | None:
    """Why a checkpoint cannot be trusted; None: each was signed for this workspace by a key that is known."""
    for number, one in enumerate(found, 1):
        if one.workspace != workspace:
            return f"checkpoint {number} belongs to the workspace {one.workspace!r}"
        if not verifier.proves(one.key, one.message(), one.signature):
            return f"checkpoint {number} (position {one.position}) was changed: its signature does not fit"
    return None
