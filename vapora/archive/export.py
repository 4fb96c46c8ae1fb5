"""The export's form, and writing one: JSON lines that prove themselves.

    {"format": "vapora-export", "version": 1, "workspace": …, "position": …, "digest": …, "at": …, "vapora": …}
    {"position": …, "stream": …, "version": …, "topic": …, "digest": …, "state": {the envelope, the event in "data"}}
    {"blob": its SHA-256, "base64": …}
    {"end": {"events": …, "blobs": …}}

The state stands there byte for byte, since its bytes are what the digest is made of. The header tells the chain's end,
so a line that is changed, missing or in another place shows. A name ending in .gz is compressed.
"""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic_core import to_json

from vapora.archive.files import new_file
from vapora.blobs import Blobs
from vapora.errors import CorruptLogError
from vapora.log import mapper
from vapora.log.chain import GENESIS, Link, Tip, follows
from vapora.log.event_log import EventLog

FORMAT, VERSION = "vapora-export", 1
# Always the last member; cannot occur inside a JSON string, whose quotes are escaped.
STATE = b',"state":'
_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file holds, or what was taken from one."""

    workspace: str
    tip: Tip
    events: int
    blobs: int


def export(log: EventLog, blobs: Blobs | None, workspace: str, file: Path, at: datetime, version: str) -> Exported:
    """Everything up to the log's present end; also beside a running server. `CorruptLogError` for a broken chain."""
    tip = log.tip()
    head = {"workspace": workspace, "position": tip.position, "digest": tip.digest.hex()}
    about = {"format": FORMAT, "version": VERSION, **head, "at": mapper.instant(at), "vapora": version}
    with new_file(file) as draft, _open(draft, file.suffix == ".gz") as out:
        out.write(to_json(about) + b"\n")
        events = texts = 0
        for one in _links(log, tip):
            out.write(line(one))
            events += 1
        # After the log: a text is stored before the event that names it, so none is missing.
        for digest in blobs.digests() if blobs is not None else ():
            assert blobs is not None
            text = {"blob": digest, "base64": b64encode(blobs.get(digest)).decode()}
            out.write(to_json(text) + b"\n")
            texts += 1
        out.write(to_json({"end": {"events": events, "blobs": texts}}) + b"\n")
    return Exported(workspace, tip, events, texts)


def line(one: Link) -> bytes:
    if b"\n" in one.state:
        raise CorruptLogError(
            f"The event at position {one.position} holds a line break, which no VAPORA writes.", position=one.position
        )
    about = {
        "position": one.position,
        "stream": one.stream.decode(),
        "version": one.version,
        "topic": one.topic.decode(),
        "digest": one.digest.hex(),
    }
    return to_json(about)[:-1] + STATE + one.state + b"}\n"


def _links(log: EventLog, tip: Tip) -> Iterator[Link]:
    digest, after = GENESIS.digest, None
    while page := log.scan(after, _PAGE):
        for one in page:
            if one.position > tip.position:
                return
            if not follows(digest, one):
                raise CorruptLogError(
                    f"The log is not what was written: position {one.position} does not follow from the one before it.",
                    remedy="See `vapora audit verify`. A log that lies is not exported: restore it from a backup.",
                    position=one.position,
                )
            digest = one.digest
            yield one
        after = page[-1].position


def _open(path: Path, compressed: bool) -> IO[bytes]:
    # The fastest level: JSON shrinks to about a fifth with it, and the best one takes five times as long.
    return gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) if compressed else path.open("wb")  # type: ignore[return-value]
