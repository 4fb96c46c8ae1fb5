"""The owner of the people log: who there is, who is signed in, and who may do what."""

from actors.identity.identity import Identity

__all__ = ["Identity"]
