"""Which actors a workspace needs beyond those that each has: what is not used costs no process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from projections import trackers
from projections.engine.base import Projection, Reader

# A kind of actor, by the read model that says whether it is needed.
_USES: Mapping[str, tuple[str, Callable[[Reader], bool]]] = {
    trackers.Trackers.NAME: ("trackers", trackers.is_connected),
}


def uses(rows: Reader, projections: Sequence[Projection]) -> tuple[str, ...]:
    """Kinds of actors. `projections`: those that the store holds."""
    held = {one.NAME for one in projections}
    return tuple(kind for name, (kind, asked) in _USES.items() if name in held and asked(rows))
