"""Every metric by its name: what `/metrics` shows, and what dashboards and alerts ask of others' exporters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Family:
    """`labels` beside `workspace` and `simulated`, which series about work carry."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    says: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its samples."""
        if self.kind == "counter":
            return (f"{self.name}_total",)
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


_CALL = ("provider", "model", "role")
_REASON = ("provider", "model", "reason")

OWN: tuple[Family, ...] = (
    Family("vapora_agents", "gauge", ("role", "state"), "agents"),
    Family("vapora_build_info", "gauge", ("version",), "1: this version answers"),
    Family("vapora_cell_up", "gauge", (), "whether the workspace's read models could be asked"),
    Family("vapora_cells", "gauge", ("state",), "workspaces `awake` (this installation holds their leases), `asleep`, `elsewhere` (another installation holds them), and `closed`: they could not be opened"),
    Family("vapora_follower_lag", "gauge", ("follower",), "positions that a follower of the log is behind: `read-models`, `indexer`, `spans`"),
    Family("vapora_http_request_seconds", "histogram", ("method", "route", "status"), "how long this replica's requests took; status 0: the client was gone first"),
    Family("vapora_journal_lines_dropped", "counter", (), "lines of the journal that this replica could not write"),
    Family("vapora_live_sockets", "gauge", (), "open sockets on `/live` of this replica"),
    Family("vapora_llm_budget_utilization", "gauge", ("role",), "spent ÷ limit, the worse of month and week; 0 without a limit"),
    Family("vapora_llm_calls", "counter", _CALL, "calls that were booked"),
    Family("vapora_llm_cost_microusd", "counter", _CALL, "what they cost, in micro-dollars"),
    Family("vapora_llm_failures", "counter", _REASON, "calls that brought no answer, by error"),
    Family("vapora_llm_fallbacks", "counter", _REASON, "times that another model was taken than the rules alone would have, by policy: `availability`, `near-threshold`, `exceeded`, `learned`"),
    Family("vapora_llm_model_paused", "gauge", _REASON, "1 while the model is left alone after failures"),
    Family("vapora_llm_overcharge_microusd", "counter", _CALL, "billed beyond the worst case, in micro-dollars"),
    Family("vapora_llm_provider_up", "gauge", ("provider",), "1: the provider is asked"),
    Family("vapora_llm_tokens", "counter", ("direction", *_CALL), "tokens as billed, `in` and `out`"),
    Family("vapora_llm_unknown_calls", "counter", _CALL, "calls whose bill nobody knows, booked at their worst case"),
    Family("vapora_log_commit_seconds", "histogram", (), "how long commits of the log took since its writer was started: file or PostgreSQL"),
    Family("vapora_log_events", "counter", (), "events appended since the log's writer was started"),
    Family("vapora_log_head", "gauge", (), "the log's last position"),
    Family("vapora_projection_failed", "gauge", ("projection",), "1: it has stopped; no series while it has not"),
    Family("vapora_projection_position", "gauge", (), "how far the read models are in the log"),
    Family("vapora_queue_connected", "gauge", ("kind",), "1: the queue delivers; 0: work goes on from the log"),
    Family("vapora_queue_dead_letters", "gauge", (), "offers that were delivered too often"),
    Family("vapora_queue_depth", "gauge", ("subject",), "tasks on offer, without dead letters"),
    Family("vapora_read_store_seconds", "histogram", (), "how long this replica's questions to the read models took: SQLite or PostgreSQL"),
    Family("vapora_run_duration_seconds", "histogram", ("role", "outcome"), "from the start of a run to its end"),
    Family("vapora_runs_open", "gauge", (), "runs that have not ended"),
    Family("vapora_tasks", "gauge", ("state",), "cards by state"),
)  # fmt: skip

# What is asked of others: names as their exporters have them.
ISTIO: frozenset[str] = frozenset(
    {
        "istio_requests_total",
        "istio_request_duration_milliseconds_bucket",
        "istio_tcp_connections_opened_total",
        "istio_tcp_sent_bytes_total",
        "istio_tcp_received_bytes_total",
    }
)
RAY: frozenset[str] = frozenset({"ray_node_mem_used", "ray_node_mem_total", "ray_cluster_active_nodes", "ray_actors"})
# Of kube-state-metrics.
KUBERNETES: frozenset[str] = frozenset({"kube_pod_status_ready"})


def own_series() -> frozenset[str]:
    return frozenset(series for family in OWN for series in family.series)


def table() -> str:
    """As it stands in docs/observability.md."""
    rows = [
        f"| `{family.name}{'_total' if family.kind == 'counter' else ''}` | {family.kind} | "
        f"{', '.join(f'`{label}`' for label in family.labels) or '–'} | {family.says} |"
        for family in OWN
    ]
    return "\n".join(("| metric | kind | labels | says |", "|---|---|---|---|", *rows))
