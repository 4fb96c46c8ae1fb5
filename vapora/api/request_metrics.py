"""What this replica measures itself: how long requests and reads take, and how many sockets hang on it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_READ_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class RequestMetrics:
    """In a registry of its own: several apps may live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "vapora_http_request_seconds",
            "How long requests took, by route; their number is the count.",
            ("method", "route", "status"),
            buckets=_REQUEST_S,
            registry=self.registry,
        )
        self._reads = Histogram(
            "vapora_read_store_seconds",
            "How long questions to the read models took, without the wait for a thread.",
            buckets=_READ_S,
            registry=self.registry,
        )
        self.sockets = Gauge("vapora_live_sockets", "Open sockets on /live.", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """`status` 0: the client was gone before there was an answer."""
        # A made-up method would be a series of its own.
        known = method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
        self._requests.labels(known, route, str(status)).observe(seconds)

    def read(self, seconds: float) -> None:
        self._reads.observe(seconds)
