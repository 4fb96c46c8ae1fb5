"""All that touches a repository or a worktree of a workspace's projects."""

from actors.repositories.repositories import Repositories

__all__ = ["Repositories"]
