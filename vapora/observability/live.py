"""What is under way: live spans of requests, calls between actors, appends and calls of models, and what travels along
with a call so that the other side goes on in the same trace.

Without a collector (`configure` was given no endpoint) nothing is recorded, and OpenTelemetry's SDK is not imported: a
`span` is then a context that does nothing. With one, a trace is kept or not as a whole: who called decides by the
header `traceparent`, else one in `1/ratio` is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from vapora import journal
from vapora import trace_ids as ids

if TYPE_CHECKING:
    from vapora.observability.live_sdk import LiveSpans

Carried = dict[str, str]
Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["internal", "server", "client"]

TRACEPARENT = "traceparent"
# Of what the lines of a journal say, this goes along with a call to another process.
_FIELDS = ("correlation", "task", "run")
# Methods by which somebody waits for news, or asks how another is: they would be most of all spans, and tell nothing.
_UNTRACED = frozenset(
    {
        *("poll", "frames", "wait_for", "search_wait_for", "head", "status", "standing", "pulse", "rest", "health"),
        *("queue_health", "queue_status", "providers", "paused_models", "is_simulated", "measures", "woken", "open"),
    }
)
_NOTHING: AbstractContextManager[Any] = nullcontext()

_spans: LiveSpans | None = None


def configure(endpoint: str, headers: Mapping[str, str], ratio: float, version: str) -> None:
    """For this process; may be called again, and what was begun with other values goes on being sent there."""
    global _spans
    if not endpoint:
        _spans = None
        return
    # Who sends nothing needs not spend the time to import it.
    from vapora.observability.live_sdk import live_spans

    _spans = live_spans(endpoint, tuple(sorted(headers.items())), ratio, version)
    journal.span_now = _span_now


def _span_now() -> str | None:
    place = None if _spans is None else _spans.current()
    return None if place is None else f"{place.span_id:016x}"


def is_on() -> bool:
    return _spans is not None


def flush() -> None:
    """Send what is there: blocks, for two seconds at most."""
    if _spans is not None:
        _spans.flush()


def request(
    method: str, correlation: str, parent: ids.Place | None, attributes: Attributes
) -> AbstractContextManager[Any]:
    """While a request is answered: a server's span, whose trace is the correlation's. Gives something with `name` and
    `set`, or None where nothing is recorded."""
    return _NOTHING if _spans is None else _spans.request(method, correlation, parent, attributes)


def span(
    name: str, kind: Kind = "internal", *, span_id: int | None = None, attributes: Attributes | None = None
) -> AbstractContextManager[Any]:
    """Part of what is recorded already; without that, nothing is."""
    return _NOTHING if _spans is None else _spans.span(name, kind, span_id, attributes or {})


def actor_call(kind: str, method: str) -> AbstractContextManager[Any]:
    return _NOTHING if _spans is None or method in _UNTRACED else _spans.span(f"{kind}.{method}", "internal", None, {})


def under(correlation: str, span_id: int) -> AbstractContextManager[Any]:
    """Go on beneath a span of the log: what is done meanwhile belongs there, if live spans of its trace are kept."""
    return _NOTHING if _spans is None else _spans.under(correlation, span_id)


def traceparent_of(correlation: str, request_id: str) -> str | None:
    """For a message about an event: the append by which it came into the log. None where nothing is recorded."""
    if _spans is None:
        return None
    sampled = ids.goes_on(correlation, _spans.ratio)
    return ids.Place(ids.trace_id_of(correlation), ids.append_span(request_id), sampled).traceparent


def carry() -> Carried | None:
    """What goes along with a call to another process; None: nothing."""
    fields = journal.fields()
    found = {name: fields[name] for name in _FIELDS if name in fields}
    if _spans is not None and (place := _spans.current()) is not None:
        found[TRACEPARENT] = place.traceparent
    return found or None


@contextmanager
def carried(given: Carried | None) -> Iterator[None]:
    """Go on with what came along with a call."""
    if not given:
        yield
        return
    place = ids.place_of(given.get(TRACEPARENT))
    beneath = _NOTHING if _spans is None or place is None else _spans.beneath(place)
    with journal.bound(**{name: given[name] for name in _FIELDS if name in given}), beneath:
        yield


@contextmanager
def anew(**fields: str) -> Iterator[None]:
    """For what goes on by itself, whoever began it: it belongs to no request."""
    apart = _NOTHING if _spans is None else _spans.apart()
    with journal.only(**fields), apart:
        yield
