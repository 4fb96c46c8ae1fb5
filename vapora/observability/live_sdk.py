"""Live spans by OpenTelemetry's SDK: made, sampled and sent in the background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import structlog
from opentelemetry import context as otel
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from vapora import trace_ids as ids
from vapora.observability.otlp import exporter, resource

_SENT_EVERY_MS = 1_000
_FLUSHED_IN_MS = 2_000
_log = structlog.get_logger("traces")
_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


class Recording:
    """A span that is being recorded."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def set(self, name: str, value: str | int | float | bool) -> None:
        self._span.set_attribute(name, value)

    def failed(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))


class _Told(SpanExporter):
    """Says once that the collector is away, and once that it is back: what is recorded meanwhile is lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            _log.warning("the collector of traces takes no live spans; those until it does are lost")
        elif self._away and not away:
            _log.info("the collector of traces takes live spans again")
        self._away = away
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Ids(RandomIdGenerator):
    """Ids that somebody asked for, else random ones."""

    def __init__(self) -> None:
        self.trace: ContextVar[int | None] = ContextVar("trace", default=None)
        self.span: ContextVar[int | None] = ContextVar("span", default=None)

    def generate_trace_id(self) -> int:
        return self.trace.get() or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return self.span.get() or super().generate_span_id()


class LiveSpans:
    def __init__(self, endpoint: str, headers: dict[str, str], ratio: float, version: str) -> None:
        self.ratio = ratio
        self._ids = _Ids()
        sampler = ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(sampler=sampler, resource=resource(version), id_generator=self._ids)
        processor = BatchSpanProcessor(_Told(exporter(endpoint, headers)), schedule_delay_millis=_SENT_EVERY_MS)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("vapora", version)

    def flush(self) -> None:
        self._provider.force_flush(_FLUSHED_IN_MS)

    def current(self) -> ids.Place | None:
        """None where nothing is recorded here."""
        found = get_current_span().get_span_context()
        if not (found.is_valid and found.trace_flags.sampled):
            return None
        return ids.Place(found.trace_id, found.span_id)

    @contextmanager
    def request(
        self, method: str, correlation: str, parent: ids.Place | None, attributes: Any
    ) -> Iterator[Recording | None]:
        trace_id = ids.trace_id_of(correlation)
        belongs = parent is not None and parent.trace_id == trace_id
        links = [] if parent is None or belongs else [Link(_context(parent))]
        where = _beneath(parent) if parent is not None and belongs else otel.Context()
        token = self._ids.trace.set(trace_id)
        try:
            span = self._tracer.start_span(
                method, where, SpanKind.SERVER, {**attributes, "vapora.correlation": correlation}, links
            )
        finally:
            self._ids.trace.reset(token)
        with self._as_current(span):
            yield Recording(span) if span.is_recording() else None

    @contextmanager
    def span(self, name: str, kind: Any, span_id: int | None, attributes: Any) -> Iterator[Recording | None]:
        if self.current() is None:
            yield None
            return
        token = self._ids.span.set(span_id)
        try:
            span = self._tracer.start_span(name, kind=_KINDS[kind], attributes=attributes)
        finally:
            self._ids.span.reset(token)
        with self._as_current(span):
            yield Recording(span)

    @contextmanager
    def under(self, correlation: str, span_id: int) -> Iterator[None]:
        place = ids.Place(ids.trace_id_of(correlation), span_id, ids.goes_on(correlation, self.ratio))
        with self.beneath(place):
            yield

    @contextmanager
    def beneath(self, place: ids.Place) -> Iterator[None]:
        token = otel.attach(_beneath(place))
        try:
            yield
        finally:
            otel.detach(token)

    @contextmanager
    def apart(self) -> Iterator[None]:
        token = otel.attach(otel.Context())
        try:
            yield
        finally:
            otel.detach(token)

    @contextmanager
    def _as_current(self, span: Span) -> Iterator[None]:
        token = otel.attach(set_span_in_context(span))
        try:
            yield
        except Exception as error:
            # Its class alone: what an error says may hold what a person wrote.
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            otel.detach(token)
            span.end()


def _context(place: ids.Place) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if place.sampled else TraceFlags.DEFAULT)
    return SpanContext(place.trace_id, place.span_id, is_remote=True, trace_flags=flags)


def _beneath(place: ids.Place) -> otel.Context:
    return set_span_in_context(NonRecordingSpan(_context(place)), otel.Context())


@lru_cache(maxsize=8)
def live_spans(endpoint: str, headers: tuple[tuple[str, str], ...], ratio: float, version: str) -> LiveSpans:
    """One for each place that this process sends to: a second one would have a second thread and queue."""
    return LiveSpans(endpoint, dict(headers), ratio, version)
