"""The actor system: which plain class stands behind each address, and what it is given. All is put together here.

One module for each kind of actor, or for a few: the table of kinds names them, so that a process imports those kinds
only that it holds.
"""

from actors.composition.refusals import require_not_deleted, require_shared
from actors.composition.system import ActorSystem, LocalActorSystem
from actors.composition.wiring import BUILDER, Wiring, builder, installation, own_builder

__all__ = [
    "BUILDER",
    "ActorSystem",
    "LocalActorSystem",
    "Wiring",
    "builder",
    "installation",
    "own_builder",
    "require_not_deleted",
    "require_shared",
]
