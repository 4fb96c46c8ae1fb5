"""Objects of an S3-compatible store.

Login, endpoint and region come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
each also as a file that `…_FILE` names; `AWS_ENDPOINT_URL`, `AWS_REGION`) or the machine's role. What the store answers
to a refused request may name the key, and is therefore never repeated: of its errors only the HTTP status is told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vapora import secret_files
from vapora.errors import LogError
from vapora.objects.store import StoredObject

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

_RETRIES = 3
_PATIENCE = timedelta(seconds=20)
# Where somebody waits for the answer, as at a start.
QUICK = timedelta(seconds=5)
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Za-z]+)*)")
_LOGIN = ("access_key_id", "secret_access_key", "session_token")


class S3Objects:
    """The bucket must exist. Connects with the first call. `patience`: how long a call may take, its repetitions with
    it; a quick one is not repeated."""

    def __init__(self, bucket: str, prefix: str, patience: timedelta = _PATIENCE) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._patience = patience

    def read(self, name: str) -> bytes | None:
        return self._ask(lambda: bytes(self._store.get(name).bytes()))

    def write(self, name: str, data: bytes) -> None:
        if self._ask(lambda: self._store.put(name, data, use_multipart=False)) is None:
            raise self._no_bucket()

    def take(self, name: str, file: Path) -> None:
        if self._ask(lambda: self._store.put(name, file)) is None:
            raise self._no_bucket()

    def fetch(self, name: str, file: Path) -> bool:
        def load() -> bool:
            with file.open("wb") as out:
                for chunk in self._store.get(name).stream():
                    out.write(bytes(chunk))
            return True

        return self._ask(load) is not None

    def find(self, name: str) -> StoredObject | None:
        found = self._ask(lambda: self._store.head(name))
        return None if found is None else StoredObject(name, found["size"], found["last_modified"])

    def listed(self, prefix: str = "") -> Iterator[StoredObject]:
        pages = iter(self._store.list(prefix.rstrip("/") or None))
        while (page := self._ask(lambda: list(next(pages, ())))) != []:
            if page is None:
                raise self._no_bucket()
            for one in page:
                yield StoredObject(one["path"], one["size"], one["last_modified"])

    def remove(self, name: str) -> None:
        self._ask(lambda: self._store.delete(name))

    def check(self) -> None:
        """Raises `LogError` where the bucket cannot be looked into now; within seconds, and without a second try."""
        if self._ask(lambda: list(next(iter(self._connect(QUICK).list()), ()))) is None:
            raise self._no_bucket()

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def _no_bucket(self) -> LogError:
        return LogError(f"There is no bucket {self._bucket!r}.", remedy="Make it, or check VAPORA_BLOBS_URL.")

    @cached_property
    def _store(self) -> S3Store:
        return self._connect(self._patience)

    def _connect(self, patience: timedelta) -> S3Store:
        # Imported late: 16 MB that nobody needs who keeps everything in folders.
        from obstore.store import S3Store

        login = {name: secret_files.read(os.environ, f"AWS_{name.upper()}") for name in _LOGIN}
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            # Plain HTTP is decided by the endpoint's own address: a store inside the cluster has no certificate.
            client_options={"allow_http": True, "timeout": patience, "connect_timeout": min(patience, QUICK)},
            retry_config={"max_retries": 0 if patience <= QUICK else _RETRIES, "retry_timeout": patience},
            **{name: value for name, value in login.items() if value},  # type: ignore[arg-type]
        )

    def _ask(self, call: Callable[[], T]) -> T | None:
        """None: what was asked for is not there."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            return call()
        except FileNotFoundError:
            return None
        except (PermissionDeniedError, UnauthenticatedError):
            raise self._refused() from None
        except (BaseError, OSError, ValueError) as error:
            status = _STATUS.search(str(error))
            # A listing tells them in this way only.
            if status and status[1][:3] == "404":
                return None
            if status and status[1][:3] in ("401", "403"):
                raise self._refused() from None
            why = f"HTTP {status[1]}" if status else "it does not answer"
            remedy = "Check AWS_ENDPOINT_URL, AWS_REGION and that the store runs; what is not stored is not in the log."
            raise LogError(f"{self} cannot be used: {why}.", remedy=remedy) from None

    def _refused(self) -> LogError:
        remedy = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in this bucket."
        return LogError(f"{self} refuses access.", remedy=remedy)
