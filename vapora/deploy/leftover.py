"""What was deployed, and an environment no longer has: which of it goes, and which stays for its data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vapora.deploy.workflow import Manifest, Workflow, key

# They go by themselves once they have ended.
PASSING = frozenset({"Job"})
# What holds data, or opens it, is removed only where somebody asks for that by its own word.
_KEPT = frozenset(
    {
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "StatefulSet",
        "StorageClass",
        "Secret",
        "SealedSecret",
        "RayService",
        "CephBlockPool",
        "CephObjectStore",
        "CephObjectStoreUser",
        "CustomResourceDefinition",
    }
)


@dataclass(frozen=True, slots=True)
class Leftover:
    """`going`: the last ones that were made come first."""

    going: list[Manifest]
    staying: list[Manifest]

    def named(self) -> dict[str, list[str]]:
        return {"removed": [key(one) for one in self.going], "left": [key(one) for one in self.staying]}


def leftover(
    workflow: Workflow, objects: Sequence[Manifest], good: Sequence[Manifest], *, with_data: bool = False
) -> Leftover:
    """Of what stands in the last good revision. Only a workflow that takes all of the environment can tell; of another
    one nothing is left over. What others have made is nobody's business here."""
    if not any(step.rest for step in workflow.steps):
        return Leftover([], [])
    wanted = {key(one) for one in objects}
    left = [one for one in reversed(good) if key(one) not in wanted and one["kind"] not in PASSING]
    going = [one for one in left if with_data or one["kind"] not in _KEPT]
    return Leftover(going, [one for one in left if one not in going])
