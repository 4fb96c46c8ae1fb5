"""Cedar: the policies that ship, those of a workspace, and the engine that asks them."""

from vapora.access.engine import Engine, check, shipped

__all__ = ["Engine", "check", "shipped"]
