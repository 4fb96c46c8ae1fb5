"""Which shard a workspace is in. Pure.

A shard is a process with the cells of many workspaces. Where a workspace belongs follows from its name and the number
of shards alone, so that every process knows it without asking anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def shard_of(workspace: str, shards: int) -> int:
    """From 0 up to `shards` - 1, by rendezvous hashing: each draws a number for the workspace, and the highest wins.

    One shard more takes over its own share from all the others, and nothing else moves; one less gives back its share
    alone. (A remainder of one hash would move nearly all of them.) Raises `ValueError` for no shards.
    """
    if shards < 1:
        raise ValueError("there is no shard")
    return max(range(shards), key=lambda shard: _drawn(workspace, shard))


def moved(workspaces: Iterable[str], before: int, after: int) -> set[str]:
    """Those that stand elsewhere once there are `after` shards in place of `before`."""
    return {one for one in workspaces if shard_of(one, before) != shard_of(one, after)}


def _drawn(workspace: str, shard: int) -> bytes:
    return blake2b(f"{shard}/{workspace}".encode(), digest_size=8).digest()
