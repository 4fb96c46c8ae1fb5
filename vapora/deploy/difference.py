"""How an object in the cluster differs from what is wanted of it. Pure.

A cluster adds to what it is given: defaults, a status, what controllers write. Only what is wanted is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Written by the cluster, or by us for ourselves.
_NOT_COMPARED = frozenset({"status"})
# Neither shown nor kept, however harmless: who reads a plan may be anybody.
_HIDDEN = ("encryptedData", "stringData", "data")
_SHOWN = 60
_UNITS = {"": Decimal(1), "m": Decimal("0.001")}
_UNITS |= {unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T", "P"), 1)}
_UNITS |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", 1)}
_QUANTITY = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(_UNITS)})")


@dataclass(frozen=True, slots=True)
class Change:
    """One place of an object. `before` and `after` are for people: shortened, and hidden where they may be secret."""

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} → {self.after}"


def changes(wanted: Mapping[str, Any], there: Mapping[str, Any] | None) -> list[Change]:
    """What would change in `there`; nothing where all that is wanted is there. None: there is no such object."""
    if there is None:
        return [Change("", "not there", "made")]
    return [
        Change(path, _show(path, before), _show(path, after))
        for path, before, after in _differences(wanted, there, "")
        if path.partition(".")[0] not in _NOT_COMPARED
    ]


def _differences(wanted: Any, there: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        for name, value in wanted.items():
            below = f"{path}.{name}" if path else str(name)
            if name in there:
                yield from _differences(value, there[name], below)
            elif value not in ({}, []):  # a cluster drops what is empty
                yield below, None, value
    elif _is_list(wanted) and _is_list(there) and len(wanted) == len(there):
        for number, (value, other) in enumerate(zip(wanted, there, strict=True)):
            name = value.get("name") if isinstance(value, Mapping) else None
            yield from _differences(value, other, f"{path}[{number if name is None else name}]")
    elif wanted != there and not _same_quantity(wanted, there):
        yield path, there, wanted


def _same_quantity(one: Any, other: Any) -> bool:
    """A cluster writes quantities in its own form: 1024Mi comes back as 1Gi."""
    found = [_QUANTITY.fullmatch(str(value)) for value in (one, other) if not isinstance(value, bool)]
    if len(found) < 2 or None in found:
        return False
    first, second = (Decimal(part[1]) * _UNITS[part[2]] for part in found if part is not None)
    return first == second


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _show(path: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if any(part in _HIDDEN for part in path.replace("[", ".").split(".")):
        return "(hidden)"
    text = str(value) if not isinstance(value, Mapping) and not _is_list(value) else f"{len(value)} entries"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def find(value: Any, path: str) -> Any:
    """What stands at `path`, as in `status.conditions[type=Ready].status`; None where there is nothing."""
    for part in path.split("."):
        name, _, chosen = part.partition("[")
        value = value.get(name) if isinstance(value, Mapping) else None
        if chosen:
            field, _, wanted = chosen.rstrip("]").partition("=")
            value = next((one for one in value or () if isinstance(one, Mapping) and one.get(field) == wanted), None)
    return value
