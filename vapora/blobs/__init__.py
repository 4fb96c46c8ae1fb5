"""Large texts beside the log: each stands under the SHA-256 of what it holds, in a folder or in an object store.

Stored before the event that names it is appended, so an event never points to nothing. What a crash between the two
leaves is named by nobody; `vapora blobs collect` finds it.
"""

from vapora.blobs.collect import Sweep, named_in, sweep
from vapora.blobs.folder import BlobStore
from vapora.blobs.place import blobs_of, open_blobs
from vapora.blobs.proof import Proof, prove
from vapora.blobs.prune import Pruned, prune
from vapora.blobs.store import Blobs, StoredBlob, inline

__all__ = [
    "BlobStore",
    "Blobs",
    "Proof",
    "Pruned",
    "StoredBlob",
    "Sweep",
    "blobs_of",
    "inline",
    "named_in",
    "open_blobs",
    "prove",
    "prune",
    "sweep",
]
