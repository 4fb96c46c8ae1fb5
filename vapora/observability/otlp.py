"""Spans on their way out: OTLP over HTTP, as protobuf. Everything that knows OpenTelemetry's SDK is in here and in
`live_sdk`; both are imported only where there is somebody to send to."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from vapora.errors import UnavailableError
from vapora.observability.spans import Span

_TIMEOUT_S = 5
# While a collector is away these say so several times in each try; whoever sends says it once.
_TALKATIVE = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.sdk._shared_internal")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_SCOPE = InstrumentationScope("vapora.log")


class SpanSender:
    """Blocks while it sends: call it in a thread."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], version: str) -> None:
        self._exporter = exporter(endpoint, headers)
        self._resource = resource(version)

    def send(self, spans: Sequence[Span]) -> None:
        """All of them, or `UnavailableError`; sent again, they replace themselves."""
        if self._exporter.export([self._readable(one) for one in spans]) is not SpanExportResult.SUCCESS:
            raise UnavailableError(
                "The collector of traces took no spans.", remedy="Look at VAPORA_OTLP_ENDPOINT and at the collector."
            )

    def close(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id)
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=parent,
            resource=self._resource,
            attributes=span.attributes,
            links=[Link(_context(*one)) for one in span.links],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.OK) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=_ns(span.started),
            end_time=_ns(span.ended),
            instrumentation_scope=_SCOPE,
        )


def exporter(endpoint: str, headers: Mapping[str, str]) -> OTLPSpanExporter:
    """`endpoint`: the collector's address; without a path, that of OTLP for traces is taken."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    url = endpoint if urlsplit(endpoint).path.strip("/") else f"{endpoint.rstrip('/')}/v1/traces"
    return OTLPSpanExporter(url, headers=dict(headers), timeout=_TIMEOUT_S)


def resource(version: str) -> Resource:
    """Which process of which version it comes from."""
    found: dict[str, Any] = {
        "service.name": "vapora",
        "service.version": version,
        "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        "host.name": os.environ.get("NODE_NAME") or socket.gethostname(),
        "process.pid": os.getpid(),
    }
    if pod := os.environ.get("POD_NAME"):
        found["k8s.pod.name"] = pod
    return Resource(found)


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _ns(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
