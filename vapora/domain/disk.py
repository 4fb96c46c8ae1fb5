"""When a disk is too full for work to begin on it: a run writes texts, worktrees and products, and what fails in its
middle has cost its money."""

from __future__ import annotations


def why_not(free: int, total: int, least_percent: float) -> str | None:
    """Why no run may start where so many of a disk's bytes are free, with what to do about it; None: there is room.

    The same words however full it is: cards say it, and each other text would be another event on that disk.
    """
    if free * 100 >= least_percent * total:
        return None
    return (
        f"Less than {least_percent:g} % of the data folder's disk is free, and no run starts. Make room "
        "(`vapora prune`, `vapora blobs collect`): it starts by itself then."
    )
