"""One server a data folder: the lock that it holds, and what it wrote there about itself for others to read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from vapora import file_lock
from vapora.errors import ConfigurationError

_PATIENCE_S = 0.15


class Owner(BaseModel):
    """The process that holds a data folder. `url` is empty while it is none that answers requests (an import, a
    rebuild). `log`: where its log is, without any secret. `tls_cert`: the file of the certificate that it shows;
    empty: plain HTTP."""

    model_config = ConfigDict(frozen=True)

    pid: int
    url: str = ""
    version: str = ""
    log: str = ""
    tls_cert: str = ""


class InUseError(ConfigurationError):
    """`details["owner"]`: who holds the folder, None where it did not say."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Held until `release`, or until the process ends, however it ends: the kernel sees to that."""

    file: IO[str]

    def say(self, owner: Owner) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.file.write(owner.model_dump_json())
        self.file.flush()

    def release(self) -> None:
        self.file.close()


def take(data: Path) -> Lock:
    """Raises `InUseError` where another process holds it, `ConfigurationError` where the folder cannot be used."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / "lock").open("a+")
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data} cannot be used ({error.strerror}).", remedy="Choose another with --data."
        ) from error
    lock = Lock(file)
    # Patient, since whoever asks for the owner holds it for a moment.
    if not file_lock.lock(file, _PATIENCE_S):
        owner = _read(file)
        lock.release()
        name = "another process" if owner is None else f"process {owner.pid}"
        raise InUseError(
            f"The data folder {data} is in use by {name}.",
            remedy="Stop that one, or use another with --data.",
            owner=owner,
        )
    lock.say(Owner(pid=os.getpid()))
    return lock


def owner(data: Path) -> Owner | None:
    """Who holds the folder now; None where nobody does, or it cannot be told."""
    try:
        file = (data / "lock").open("r")
    except OSError:
        return None
    with file:
        # Shared: two who ask at once do not take each other for a server.
        return None if file_lock.lock(file, shared=True) else _read(file)


def _read(file: IO[str]) -> Owner | None:
    file.seek(0)
    try:
        return Owner.model_validate_json(file.read())
    except ValidationError:
        return None
