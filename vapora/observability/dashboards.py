"""The four dashboards (M14.7 to M14.10)."""

from __future__ import annotations

from typing import Any

from vapora.observability.panels import LogPanel, Panel, Query, TracePanel, choice, dashboard, source

_WORKSPACES = choice("workspace", "label_values(vapora_cell_up, workspace)")
_OF = 'workspace=~"$workspace"'
_RATE = "[$__rate_interval]"


def quantiles(name: str, of: str = "", by: str = "") -> tuple[Query, ...]:
    """p50, p95 and p99 of a histogram; `by`: apart for each value of a label."""
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return tuple(
        Query(f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{{{of}}}{_RATE})))", f"p{percent}{legend}")
        for share, percent in ((0.5, 50), (0.95, 95), (0.99, 99))
    )  # fmt: skip


def overview() -> dict[str, Any]:
    of_http = 'route!~"/metrics|/health|/healthz|/live"'
    panels = (
        Panel("Requests", (Query(f"sum by (method) (rate(vapora_http_request_seconds_count{{{of_http}}}{_RATE}))", "{{method}}"),), "reqps"),
        Panel("Errors", (
            Query(f'sum(rate(vapora_http_request_seconds_count{{status=~"5.."}}{_RATE})) / sum(rate(vapora_http_request_seconds_count{_RATE})) or vector(0)', "5xx"),
            Query(f'sum(rate(vapora_http_request_seconds_count{{status=~"4.."}}{_RATE})) / sum(rate(vapora_http_request_seconds_count{_RATE})) or vector(0)', "4xx"),
        ), "percentunit"),
        Panel("Latency", quantiles("vapora_http_request_seconds", of_http), "s"),
        Panel("Slowest routes, p95", (Query(f"topk(10, histogram_quantile(0.95, sum by (le, route) (rate(vapora_http_request_seconds_bucket{{{of_http}}}{_RATE}))))", "{{route}}"),), "s", width=12),
        Panel("Cards by state", (Query(f"sum by (state) (vapora_tasks{{{_OF}}})", "{{state}}"),), width=12),
        Panel("Questions to the read models", quantiles("vapora_read_store_seconds"), "s"),
        Panel("Commits of the log", quantiles("vapora_log_commit_seconds", _OF), "s"),
        Panel("Events", (Query(f"sum by (workspace) (rate(vapora_log_events_total{{{_OF}}}{_RATE}))", "{{workspace}}"),), "ops"),
        Panel("Followers behind", (Query(f"max by (follower, workspace) (vapora_follower_lag{{{_OF}}})", "{{follower}} {{workspace}}"),), says="Positions of the log."),
        Panel("Workspaces", (Query("sum by (state) (vapora_cells)", "{{state}}"),), form="stat"),
        Panel("Read models stopped", (Query(f"sum(vapora_projection_failed{{{_OF}}}) or vector(0)", "stopped"),), form="stat", width=4),
        Panel("Live sockets", (Query("sum(vapora_live_sockets)", "sockets"),), form="stat", width=4),
        Panel("Versions", (Query("count by (version) (vapora_build_info)", "{{version}}"),), form="stat", width=8),
        Panel("Lines of the journal that were lost", (Query("sum(increase(vapora_journal_lines_dropped_total[1h]))", "lines"),), form="stat", width=8),
        Panel("Workspaces that cannot be asked", (Query(f"count(vapora_cell_up{{{_OF}}} == 0) or vector(0)", "workspaces"),), form="stat", width=8),
        LogPanel("Errors in the journal", '{app="vapora", level=~"error|critical"} | json'),
        TracePanel("Tasks that took more than a minute", '{ resource.service.name = "vapora" && name = "task" && duration > 1m }'),
    )  # fmt: skip
    variables = [source("loki", "loki"), source("tempo", "tempo"), _WORKSPACES]
    return dashboard("vapora-overview", "VAPORA Overview", "Requests, errors, latencies; the log and its read models.", variables, panels)  # fmt: skip


def agents() -> dict[str, Any]:
    panels = (
        Panel("Queue depth", (Query(f"sum by (subject) (vapora_queue_depth{{{_OF}}})", "{{subject}}"),)),
        Panel("Runs under way", (Query(f"sum by (workspace) (vapora_runs_open{{{_OF}}})", "{{workspace}}"),)),
        Panel("Agents", (Query(f"sum by (state) (vapora_agents{{{_OF}}})", "{{state}}"),)),
        Panel("Execution time by role, p95", (Query(f"histogram_quantile(0.95, sum by (le, role) (rate(vapora_run_duration_seconds_bucket{{{_OF}}}{_RATE})))", "{{role}}"),), "s"),
        Panel("Execution time", quantiles("vapora_run_duration_seconds", _OF), "s"),
        Panel("Runs that ended", (Query(f"sum by (outcome) (rate(vapora_run_duration_seconds_count{{{_OF}}}{_RATE}))", "{{outcome}}"),), "ops"),
        Panel("Share of runs that succeeded, by role", (Query(f'sum by (role) (vapora_run_duration_seconds_count{{{_OF},outcome="succeeded"}}) / sum by (role) (vapora_run_duration_seconds_count{{{_OF}}})', "{{role}}"),), "percentunit", form="bargauge"),
        Panel("Tokens by role", (Query(f"sum by (role, direction) (rate(vapora_llm_tokens_total{{{_OF}}}{_RATE}))", "{{role}} {{direction}}"),), "ops"),
        Panel("Agents by role and state", (Query(f"sum by (role, state) (vapora_agents{{{_OF}}})", "{{role}} {{state}}"),), form="table"),
        Panel("Queue", (Query(f"min by (kind, workspace) (vapora_queue_connected{{{_OF}}})", "{{kind}} {{workspace}}"),), form="stat", says="1: it delivers; 0: work goes on from the log."),
        Panel("Dead letters", (Query(f"sum(vapora_queue_dead_letters{{{_OF}}})", "letters"),), form="stat"),
    )  # fmt: skip
    return dashboard("vapora-agents", "Agent Metrics", "Queue depth, execution times, tokens.", [_WORKSPACES], panels)


def routing() -> dict[str, Any]:
    panels = (
        Panel("Calls by provider", (Query(f"sum by (provider) (rate(vapora_llm_calls_total{{{_OF}}}{_RATE}))", "{{provider}}"),), "ops"),
        Panel("Share of providers", (Query(f"sum by (provider) (vapora_llm_calls_total{{{_OF}}}) / scalar(sum(vapora_llm_calls_total{{{_OF}}}))", "{{provider}}"),), "percentunit", form="bargauge"),
        Panel("Cost by role", (Query(f"sum by (role) (increase(vapora_llm_cost_microusd_total{{{_OF}}}[1h])) / 1e6", "{{role}}"),), "currencyUSD", says="Within an hour."),
        Panel("Cost by provider and model", (Query(f"sum by (provider, model) (vapora_llm_cost_microusd_total{{{_OF}}}) / 1e6", "{{provider}} {{model}}"),), "currencyUSD", form="table"),
        Panel("Budgets by role", (Query(f"max by (role) (vapora_llm_budget_utilization{{{_OF}}})", "{{role}}"),), "percentunit", form="bargauge"),
        Panel("Tokens by provider", (Query(f"sum by (provider, direction) (rate(vapora_llm_tokens_total{{{_OF}}}{_RATE}))", "{{provider}} {{direction}}"),), "ops"),
        Panel("Fallbacks by reason", (Query(f"sum by (reason) (rate(vapora_llm_fallbacks_total{{{_OF}}}{_RATE}))", "{{reason}}"),), "ops"),
        Panel("Share of calls that fell back", (Query(f"sum(rate(vapora_llm_fallbacks_total{{{_OF}}}{_RATE})) / sum(rate(vapora_llm_calls_total{{{_OF}}}{_RATE})) or vector(0)", "fallbacks"),), "percentunit"),
        Panel("Failures by error", (Query(f"sum by (provider, reason) (rate(vapora_llm_failures_total{{{_OF}}}{_RATE}))", "{{provider}} {{reason}}"),), "ops"),
        Panel("Providers that are asked", (Query("min by (provider) (vapora_llm_provider_up)", "{{provider}}"),), form="stat"),
        Panel("Models that are left alone", (Query("count by (provider, reason) (vapora_llm_model_paused) or vector(0)", "{{provider}} {{reason}}"),), form="stat"),
        Panel("Bills that nobody knows", (
            Query(f"sum(increase(vapora_llm_unknown_calls_total{{{_OF}}}[1h]))", "unknown"),
            Query(f"sum(increase(vapora_llm_overcharge_microusd_total{{{_OF}}}[1h])) / 1e6", "overcharged, $"),
        ), form="stat"),
    )  # fmt: skip
    return dashboard("vapora-routing", "LLM Routing", "Which provider answers, why, and at whose cost.", [_WORKSPACES], panels)  # fmt: skip


def mesh() -> dict[str, Any]:
    of = 'destination_service_namespace=~"$namespace"'
    namespaces = choice("namespace", "label_values(istio_requests_total, destination_service_namespace)")
    panels = (
        Panel("Traffic", (Query(f"sum by (source_workload, destination_workload) (rate(istio_requests_total{{{of}}}{_RATE}))", "{{source_workload}} → {{destination_workload}}"),), "reqps", width=12),
        Panel("Errors", (Query(f'sum by (destination_workload) (rate(istio_requests_total{{{of},response_code=~"5.."}}{_RATE}))', "{{destination_workload}}"),), "reqps", width=12),
        Panel("Latency, p95", (Query(f"histogram_quantile(0.95, sum by (le, destination_workload) (rate(istio_request_duration_milliseconds_bucket{{{of}}}{_RATE})))", "{{destination_workload}}"),), "ms"),
        Panel("Share of requests under mutual TLS", (Query(f'sum(rate(istio_requests_total{{{of},reporter="destination",connection_security_policy="mutual_tls"}}{_RATE})) / sum(rate(istio_requests_total{{{of},reporter="destination"}}{_RATE}))', "mTLS"),), "percentunit", form="gauge"),
        Panel("Requests in the clear", (Query(f'sum by (source_workload, destination_workload) (rate(istio_requests_total{{{of},reporter="destination",connection_security_policy!="mutual_tls"}}{_RATE})) > 0', "{{source_workload}} → {{destination_workload}}"),), "reqps", form="table"),
        Panel("Connections", (Query(f"sum by (source_workload, destination_workload) (rate(istio_tcp_connections_opened_total{{{of}}}{_RATE}))", "{{source_workload}} → {{destination_workload}}"),), "cps"),
        Panel("Bytes", (
            Query(f"sum by (destination_workload) (rate(istio_tcp_received_bytes_total{{{of}}}{_RATE}))", "to {{destination_workload}}"),
            Query(f"sum by (destination_workload) (rate(istio_tcp_sent_bytes_total{{{of}}}{_RATE}))", "from {{destination_workload}}"),
        ), "Bps"),
        Panel("Connections under mutual TLS", (Query(f'sum(rate(istio_tcp_connections_opened_total{{{of},reporter="destination",connection_security_policy="mutual_tls"}}{_RATE})) / sum(rate(istio_tcp_connections_opened_total{{{of},reporter="destination"}}{_RATE}))', "mTLS"),), "percentunit", form="gauge"),
    )  # fmt: skip
    return dashboard("istio-mesh", "Istio Mesh", "Who speaks to whom, and whether under mutual TLS.", [namespaces], panels)  # fmt: skip


def dashboards() -> dict[str, dict[str, Any]]:
    """By file name."""
    return {
        "vapora-overview.json": overview(),
        "agent-metrics.json": agents(),
        "llm-routing.json": routing(),
        "istio-mesh.json": mesh(),
    }
