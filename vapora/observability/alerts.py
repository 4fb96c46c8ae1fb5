"""What somebody is woken for, or told in the morning. Each alert has its entry in docs/runbooks/alerts.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

RUNBOOK = "docs/runbooks/alerts.md"


@dataclass(frozen=True, slots=True)
class Alert:
    """`lasts`: so long it must be true. `critical`: work stands still, or money is at risk."""

    name: str
    expr: str
    lasts: str
    severity: Literal["critical", "warning", "info"]
    summary: str
    description: str

    def render(self) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasts,
            "labels": {"severity": self.severity, "app": "vapora"},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOK}#{self.name.lower()}",
            },
        }


_5XX = 'rate(vapora_http_request_seconds_count{status=~"5.."}[5m])'
_ALL = "rate(vapora_http_request_seconds_count[5m])"

VAPORA: tuple[Alert, ...] = (
    Alert("VaporaIsSilent", "absent(vapora_build_info)", "5m", "critical",
          "Nothing of VAPORA is scraped.", "No replica of the API has answered /metrics for five minutes."),
    Alert("VaporaAnswersWithErrors", f"sum({_5XX}) / sum({_ALL}) > 0.05", "10m", "critical",
          "{{ $value | humanizePercentage }} of requests end with 5xx.", "The API fails for those who use it."),
    Alert("VaporaIsSlow", 'histogram_quantile(0.95, sum by (le) (rate(vapora_http_request_seconds_bucket{route!~"/metrics|/health|/healthz|/live",status!~"5.."}[5m]))) > 2', "15m", "warning",
          "Requests take {{ $value | humanizeDuration }} (p95).", "People wait for the board."),
    Alert("VaporaWorkspaceCannotBeAsked", "vapora_cell_up == 0", "5m", "critical",
          "The workspace {{ $labels.workspace }} does not answer.", "Its actors or its read models cannot be reached."),
    Alert("VaporaWorkspaceCannotBeOpened", 'vapora_cells{state="closed"} > 0', "5m", "critical",
          "{{ $value }} workspaces cannot be opened.", "Their logs are held by another process, damaged, or away."),
    Alert("VaporaReadModelStopped", "vapora_projection_failed == 1", "1m", "critical",
          "The read model {{ $labels.projection }} of {{ $labels.workspace }} has stopped.", "What it shows is out of date."),
    Alert("VaporaFollowerIsBehind", "vapora_follower_lag > 1000", "10m", "warning",
          "{{ $labels.follower }} of {{ $labels.workspace }} is {{ $value }} positions behind.", "The board, search or traces show an earlier moment."),
    Alert("VaporaCommitsAreSlow", "histogram_quantile(0.95, sum by (le, workspace) (rate(vapora_log_commit_seconds_bucket[10m]))) > 0.25", "10m", "warning",
          "Commits of {{ $labels.workspace }} take {{ $value | humanizeDuration }} (p95).", "Disk or database is slow, and everything that is recorded waits for it."),
    Alert("VaporaQueueIsAway", "vapora_queue_connected == 0", "5m", "warning",
          "The queue of {{ $labels.workspace }} is away.", "Work goes on from the log; outsiders hear nothing."),
    Alert("VaporaDeadLetters", "vapora_queue_dead_letters > 0", "5m", "warning",
          "{{ $value }} offers of {{ $labels.workspace }} were delivered too often.", "Nobody could be given these tasks."),
    Alert("VaporaWorkStandsStill", "sum by (workspace) (vapora_queue_depth) > 0 and on (workspace) vapora_runs_open == 0", "15m", "critical",
          "Tasks of {{ $labels.workspace }} wait and no run is under way.", "No agent takes them: drained, suspended, paused, or without a role for them."),
    Alert("VaporaAgentsAreOffline", 'sum by (workspace, role) (vapora_agents{state="offline"}) > 0', "10m", "warning",
          "{{ $value }} agents of the role {{ $labels.role }} are offline.", "They gave no answer, or a run did not advance."),
    Alert("VaporaRunsFail", 'sum by (workspace, role) (increase(vapora_run_duration_seconds_count{outcome="failed"}[1h])) / sum by (workspace, role) (increase(vapora_run_duration_seconds_count[1h])) > 0.5', "15m", "warning",
          "{{ $value | humanizePercentage }} of the runs of {{ $labels.role }} failed within an hour.", "A prompt, a tool, a model or a repository does not work."),
    Alert("VaporaNoProviderAnswers", "max(vapora_llm_provider_up) == 0", "2m", "critical",
          "No provider of models is asked.", "Every run waits."),
    Alert("VaporaProviderIsAway", "vapora_llm_provider_up == 0", "10m", "warning",
          "{{ $labels.provider }} is not asked.", "Its calls go to others, at their price."),
    Alert("VaporaFallsBackOften", "sum(rate(vapora_llm_fallbacks_total[15m])) / sum(rate(vapora_llm_calls_total[15m])) > 0.3", "15m", "warning",
          "{{ $value | humanizePercentage }} of calls go to another model than the rules would take.", "A provider is away or a budget near its end."),
    Alert("VaporaBudgetIsNearItsEnd", 'vapora_llm_budget_utilization{simulated="false"} > 0.8 and vapora_llm_budget_utilization{simulated="false"} < 1', "5m", "info",
          "The budget of {{ $labels.role }} is used to {{ $value | humanizePercentage }}.", "Cheaper models are taken from here on."),
    Alert("VaporaBudgetIsSpent", 'vapora_llm_budget_utilization{simulated="false"} >= 1', "5m", "warning",
          "The budget of {{ $labels.role }} is spent.", "Its runs go on with what is free or allowed, or wait."),
    Alert("VaporaBillsAreUnknown", "sum by (provider, workspace) (increase(vapora_llm_unknown_calls_total[1h])) > 5", "5m", "warning",
          "{{ $value }} calls of {{ $labels.provider }} were booked at their worst case.", "Their answers were lost: money may be counted that was never billed."),
    Alert("VaporaIsOvercharged", "sum by (provider, model) (increase(vapora_llm_overcharge_microusd_total[1h])) > 0", "1m", "critical",
          "{{ $labels.provider }} bills more for {{ $labels.model }} than its worst case.", "The price list is out of date, so that caps do not hold."),
    Alert("VaporaJournalLosesLines", "increase(vapora_journal_lines_dropped_total[10m]) > 0", "1m", "warning",
          "{{ $value }} lines of the journal were lost.", "A full disk or a closed pipe."),
)  # fmt: skip

RAY: tuple[Alert, ...] = (
    Alert("RayWorkerIsNotReady", 'sum by (namespace, pod) (kube_pod_status_ready{condition="true",pod=~".*-worker-.*"}) == 0', "5m", "critical",
          "The pod {{ $labels.pod }} is not ready.", "Its actors run elsewhere, or nowhere."),
    Alert("RayNodeIsShortOfMemory", "ray_node_mem_used / ray_node_mem_total > 0.9", "10m", "warning",
          "{{ $value | humanizePercentage }} of a node's memory is used.", "Ray ends processes above 95 %."),
    Alert("RayHasNoNodes", "sum(ray_cluster_active_nodes) < 1 or absent(ray_cluster_active_nodes)", "5m", "critical",
          "The Ray cluster has no node, or tells nothing.", "Nothing runs."),
    Alert("RayActorsDie", 'sum(ray_actors{State="RESTARTING"}) > 0', "5m", "warning",
          "{{ $value }} actors are being started again for five minutes.", "A process dies at each start, or no node has room for it."),
)  # fmt: skip


def rule_files() -> dict[str, dict[str, Any]]:
    """By file name: what Prometheus reads, and what a PrometheusRule has as its `spec`."""
    return {
        f"{name}.yaml": {"groups": [{"name": name, "interval": "30s", "rules": [one.render() for one in alerts]}]}
        for name, alerts in (("vapora", VAPORA), ("ray", RAY))
    }
