"""Bytes under names, kept beside the log: files of a folder, or objects of an S3-compatible store.

What several nodes share, and what a pod must not lose, goes through here: texts, checkpoints, saved folds, exports.
"""

from __future__ import annotations

from vapora.objects.folder import FolderObjects
from vapora.objects.place import Where, check_url, objects_at, opened
from vapora.objects.s3 import S3Objects
from vapora.objects.store import Objects, StoredObject

__all__ = ["FolderObjects", "Objects", "S3Objects", "StoredObject", "Where", "check_url", "objects_at", "opened"]
