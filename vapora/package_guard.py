"""The start-up guard: the four rooms must be ours.

They are installed under their own names, and other distributions have an `events` package too. Importing a stranger's
would fail later and far away, so `import vapora` looks first.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("events", "projections", "actors", "vapora")


def check(here: Path) -> None:
    """Raise `ImportError` unless every room is a folder in `here`."""
    for room in ROOMS:
        spec = find_spec(room)
        places = [Path(one).resolve() for one in (spec.submodule_search_locations or [])] if spec else []
        if here.resolve() / room not in places:
            raise ImportError(_foreign(room, places, here))


def _foreign(room: str, places: list[Path], here: Path) -> str:
    if not places:
        return f"VAPORA's package {room!r} is not beside {here}. Install VAPORA again."
    # Takes a third of what `import vapora` does, and is mostly not needed.
    from importlib.metadata import packages_distributions

    owners = packages_distributions().get(room, [])
    who = f"the distribution {', '.join(sorted(set(owners)))}" if owners else str(places[0])
    return (
        f"The package {room!r} that Python finds belongs to {who}, not to VAPORA. Uninstall it from this environment, "
        f"or install VAPORA into one of its own."
    )
