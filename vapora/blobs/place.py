"""Which store an installation uses: a folder, or what `VAPORA_BLOBS_URL` names."""

from __future__ import annotations

from pathlib import Path

from vapora.blobs.folder import BlobStore
from vapora.blobs.s3 import S3BlobStore
from vapora.blobs.store import Blobs
from vapora.objects import objects_at
from vapora.settings import Settings


def open_blobs(url: str, folder: Path, workspace: str) -> Blobs:
    """The store of one workspace. No `url`: its folder. Nothing is connected or made yet."""
    return S3BlobStore(objects_at(url, "VAPORA_BLOBS_URL", workspace)) if url else BlobStore(folder)


def blobs_of(settings: Settings, workspace: str) -> Blobs:
    """Those of a workspace, where the installation's settings have them."""
    return open_blobs(settings.blobs_url, settings.blob_folder(workspace), workspace)
