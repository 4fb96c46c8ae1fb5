"""Blobs as objects of an S3-compatible store.

Credentials, endpoint and region come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
`AWS_SESSION_TOKEN`, `AWS_ENDPOINT_URL`, `AWS_REGION`) or the machine's role. What the store answers to a refused
request may name the key, and is therefore never repeated: of its errors only the HTTP status is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from vapora.blobs.store import FRESH, Contents, StoredBlob, digest_of, is_digest, place_of, verified
from vapora.errors import LogError, NotFoundError

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

_RETRIES = 3
_PATIENCE = timedelta(seconds=20)
# At a start somebody waits for the answer.
_QUICK = timedelta(seconds=5)
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Za-z]+)*)")


class S3BlobStore(Contents):
    """The bucket must exist. Connects with the first call."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._where = f"s3://{bucket}/{prefix}"

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        place = place_of(digest)
        found = self._head(place)
        if found is not None and found.size == len(data) and datetime.now(UTC) - found.modified_at < FRESH:
            return digest
        # Content-addressed, so that sending it again after a lost answer is harmless.
        if self._ask(lambda: self._store.put(place, data, use_multipart=False)) is None:
            raise self._no_bucket()
        return digest

    def get(self, digest: str) -> bytes:
        place = place_of(digest)
        data = self._ask(lambda: bytes(self._store.get(place).bytes()))
        if data is None:
            raise NotFoundError(f"The text {digest} is not in {self._where}.", digest=digest)
        return verified(data, digest, f"{self._where}/{place}")

    def stored(self) -> Iterator[StoredBlob]:
        pages = iter(self._store.list())
        while (page := self._ask(lambda: list(next(pages, ())))) != []:
            if page is None:
                raise self._no_bucket()
            for one in page:
                name = one["path"].rpartition("/")[2]
                if is_digest(name):
                    yield StoredBlob(name, one["size"], one["last_modified"])

    def remove(self, digest: str, before: datetime) -> bool:
        place = place_of(digest)
        found = self._head(place)
        # S3 cannot look and delete in one step: a text that is put again in between would be lost, hence FRESH and
        # a grace period far above it.
        if found is not None and found.modified_at >= before:
            return False
        self._ask(lambda: self._store.delete(place))
        return True

    def _head(self, place: str) -> StoredBlob | None:
        found = self._ask(lambda: self._store.head(place))
        return None if found is None else StoredBlob(place[3:], found["size"], found["last_modified"])

    def check(self) -> None:
        """Raises `LogError` where the bucket cannot be looked into now; within seconds, and without a second try."""
        if self._ask(lambda: list(next(iter(self._connect(0, _QUICK).list()), ()))) is None:
            raise self._no_bucket()

    def _no_bucket(self) -> LogError:
        return LogError(f"There is no bucket {self._bucket!r}.", remedy="Make it, or check VAPORA_BLOBS_URL.")

    @cached_property
    def _store(self) -> S3Store:
        return self._connect(_RETRIES, _PATIENCE)

    def _connect(self, retries: int, patience: timedelta) -> S3Store:
        # Imported late: 16 MB that nobody needs who keeps blobs in a folder.
        from obstore.store import S3Store

        return S3Store(
            self._bucket,
            prefix=self._prefix,
            # Plain HTTP is decided by the endpoint's own address: a store inside the cluster has no certificate.
            client_options={"allow_http": True, "timeout": patience, "connect_timeout": timedelta(seconds=5)},
            retry_config={"max_retries": retries, "retry_timeout": patience},
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
            raise LogError(f"{self._where} cannot be used: {why}.", remedy=remedy) from None

    def _refused(self) -> LogError:
        remedy = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in this bucket."
        return LogError(f"{self._where} refuses access.", remedy=remedy)
