"""The stages that a run takes as long as: each began when the one before it was over."""

from __future__ import annotations

from collections.abc import Mapping


def critical_path(needs: Mapping[str, tuple[str, ...]], took_s: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
    """The longest chain by the time spent in its stages, and how long it is in seconds. `took_s`: of those that have
    begun."""
    best: dict[str, tuple[float, tuple[str, ...]]] = {}
    for name in _in_order(needs):
        if name in took_s:
            before = max((best[one] for one in needs[name] if one in best), default=(0.0, ()))
            best[name] = (before[0] + took_s[name], (*before[1], name))
    if not best:
        return (), 0.0
    length, path = max(best.values(), key=lambda one: (one[0], len(one[1])))
    return path, length


def _in_order(needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Each behind what it waits for."""
    found: dict[str, None] = {}
    ahead = list(needs)
    while ahead:
        ready = [one for one in ahead if all(before in found for before in needs[one])]
        if not ready:
            return list(found)
        found |= dict.fromkeys(ready)
        ahead = [one for one in ahead if one not in found]
    return list(found)
