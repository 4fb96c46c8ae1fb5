"""Names of traces and spans. They follow from what stands in the log, so that whoever knows an event can work them out:
two processes agree on them without a word, and what is exported a second time after a crash has the same names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

# A correlation that was made of the trace of who called: `tr-` and its trace id.
_TRACE = re.compile(r"tr-([0-9a-f]{32})")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 256
_SAMPLED = 0x01
_HALF = 2**64


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a trace, as the header `traceparent` of W3C Trace Context names it."""

    trace_id: int
    span_id: int
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


def place_of(traceparent: str | None) -> Place | None:
    """None for what is no `traceparent`: whoever sent it is then not part of the trace."""
    found = None if traceparent is None or len(traceparent) > _LONGEST else _TRACEPARENT.fullmatch(traceparent)
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    place = Place(int(found[2], 16), int(found[3], 16), bool(int(found[4], 16) & _SAMPLED))
    return place if place.trace_id and place.span_id else None


def correlation_of(place: Place) -> str:
    """What stands on the events of a request that is part of that trace."""
    return f"tr-{place.trace_id:032x}"


def is_others(correlation: str) -> bool:
    """Whether the trace was begun by who called, and not here."""
    return _TRACE.fullmatch(correlation) is not None


@lru_cache(maxsize=4_096)
def trace_id_of(correlation: str) -> int:
    """Of the trace to which all events with this correlation belong."""
    found = _TRACE.fullmatch(correlation)
    given = int(found[1], 16) if found else 0
    return given or int.from_bytes(sha256(correlation.encode()).digest()[:16]) or 1


def span_id_of(stream: str, what: str | int) -> int:
    """Of a span that begins in `stream`. `what`: the position of the event that it begins with; or a name within the
    stream, for what must be named before any event of it is recorded."""
    return int.from_bytes(sha256(f"{stream}\n{what}".encode()).digest()[:8]) or 1


def run_span(run_id: str) -> int:
    return span_id_of(f"run:{run_id}", "run")


def call_span(run_id: str, call_id: str, attempt: int) -> int:
    """Of one attempt at a call of a model. It is named when it goes out, and recorded when it is over."""
    return span_id_of(f"run:{run_id}", f"call {call_id} {attempt}")


def append_span(request_id: str) -> int:
    """Of the append by which an event came into the log."""
    return span_id_of("append", request_id)


def is_sampled(trace_id: int, ratio: float) -> bool:
    """Whether live spans are kept of a trace that begins here: as `TraceIdRatioBased` of OpenTelemetry decides."""
    return trace_id % _HALF < round(ratio * _HALF)


def goes_on(correlation: str, ratio: float) -> bool:
    """Whether live spans are kept of what follows from the log: what carries the trace of who called always."""
    return is_others(correlation) or is_sampled(trace_id_of(correlation), ratio)
