"""Which store an installation uses: a folder, or what `VAPORA_BLOBS_URL` names."""

from __future__ import annotations

import re
from pathlib import Path

from vapora.blobs.folder import BlobStore
from vapora.blobs.s3 import S3BlobStore
from vapora.blobs.store import Blobs
from vapora.errors import ConfigurationError

_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>[A-Za-z0-9!_.*'()/-]*))?")


def open_blobs(url: str, folder: Path, workspace: str) -> Blobs:
    """The store of one workspace. No `url`: its folder. Nothing is connected or made yet."""
    if not url:
        return BlobStore(folder)
    bucket, prefix = check_url(url)
    return S3BlobStore(bucket, f"{prefix}/{workspace}" if prefix else workspace)


def check_url(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://bucket/prefix`; `ConfigurationError` for anything else, without repeating it."""
    found = _S3.fullmatch(url)
    if found is None:
        raise ConfigurationError(
            "VAPORA_BLOBS_URL is not of the form s3://bucket/prefix.",
            remedy="Name bucket and prefix alone: credentials and endpoint go into the AWS_* variables.",
        )
    return found["bucket"], (found["prefix"] or "").strip("/")
