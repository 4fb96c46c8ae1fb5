"""The projector keeps a workspace's read models and publishes changed rows."""

from actors.projector.projector import Projector

__all__ = ["Projector"]
