"""How many events streams hold, as far as the log's writer knows: to ask for what is new of a stream mostly finds
nothing, and needs no look at the disk."""

from __future__ import annotations

from collections.abc import Mapping

_KNOWN_STREAMS = 100_000


class StreamEnds:
    """Of the streams that were written or read last. Used by one thread."""

    def __init__(self, capacity: int = _KNOWN_STREAMS) -> None:
        self._capacity = capacity
        self._known: dict[str, int] = {}

    def holds_no_more(self, stream: str, after: int) -> bool:
        """Whether the stream is known to end with the version `after`."""
        return self._known.get(stream) == after

    def reached(self, ends: Mapping[str, int]) -> None:
        """Streams hold so many events, at least: a stream only grows, and what is known already may be newer."""
        for stream, version in ends.items():
            known = self._known.pop(stream, 0)
            self._known[stream] = max(known, version)
        if len(self._known) > self._capacity:
            # A dict keeps the order of insertion: its front is what was not looked at for longest.
            for stream in list(self._known)[: self._capacity // 10 + 1]:
                del self._known[stream]

    def forget(self) -> None:
        """Something may have been written of which nobody was told."""
        self._known.clear()
