"""Where objects are: a folder's path, or what an address of the form s3://bucket/prefix names."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from vapora.errors import ConfigurationError
from vapora.objects.folder import FolderObjects
from vapora.objects.s3 import S3Objects
from vapora.objects.store import Objects

Where = Path | Objects

_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9!_.*'()/-]*))?")


def opened(where: Where) -> Objects:
    """Nothing is connected or made yet."""
    return FolderObjects(where) if isinstance(where, Path) else where


def objects_at(url: str, variable: str, *below: str, patience: timedelta | None = None) -> S3Objects:
    """The objects whose names begin with the address's prefix and the parts of `below`. `variable`: what an error
    calls it."""
    bucket, prefix = check_url(url, variable)
    path = "/".join((prefix, *below) if prefix else below)
    return S3Objects(bucket, path) if patience is None else S3Objects(bucket, path, patience)


def check_url(url: str, variable: str = "VAPORA_BLOBS_URL") -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; `ConfigurationError` for anything else, without repeating it."""
    found = _S3.fullmatch(url)
    if found is None:
        raise ConfigurationError(
            f"{variable} is not of the form s3://bucket/prefix.",
            remedy="Name bucket and prefix alone: login and endpoint go into the AWS_* variables.",
        )
    return found["bucket"], (found["prefix"] or "").strip("/")
