"""`/metrics`: the read models as Prometheus families, beside what this replica measured itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from events.ids import Scope, TaskState
from projections import budgets, providers, registry
from projections.board_waiting import CARDS
from projections.engine.base import Reader
from vapora import journal
from vapora.catalog import roles
from vapora.ports import Standing
from vapora.views import BudgetView, QueueView

_NOBODY = Standing()


@dataclass(frozen=True, slots=True)
class Reading:
    """One workspace at one moment."""

    workspace: str
    tasks: dict[tuple[str, bool], int]
    utilisation: dict[tuple[str, bool], float]
    llm: providers.Metrics
    position: int
    agents: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commits:
    """Since the log's writer was started. `buckets`: (upper bound in seconds, commits that took at most so long)."""

    events: int
    buckets: tuple[tuple[str, float], ...]
    sum_s: float


def commits_of(log: Mapping[str, Any]) -> Commits | None:
    """From what a log says of itself; None where it does not say it."""
    commits = log.get("commits")
    if commits is None:
        return None
    bounds = [*map(str, commits["bounds"]), "+Inf"]
    buckets = tuple(zip(bounds, map(float, accumulate(commits["counts"])), strict=True))
    return Commits(log["events"], buckets, commits["sum_s"])


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """What the actors said of a workspace; `reading` and `queue` are None where nobody could be asked. `followers`: who
    goes along its log, and how far each is."""

    workspace: str
    reading: Reading | None
    head: int = 0
    failed: Sequence[str] = field(default=())
    queue: QueueView | None = None
    followers: Mapping[str, int] = field(default_factory=dict)
    commits: Commits | None = None


def read(rows: Reader, workspace: str, position: int, now: datetime) -> Reading:
    """Everything in one question, so that the numbers belong together."""
    # One small row a card, without its JSON: quicker by far than reading the cards.
    cards = rows.group(CARDS, ("state", "simulated", "id"), ())
    tasks = Counter({(state.value, False): 0 for state in TaskState})
    tasks.update((card["state"], bool(card["simulated"])) for card in cards)
    return Reading(
        workspace=workspace,
        tasks=dict(tasks),
        utilisation=_utilisation(rows, now),
        llm=providers.metrics(rows),
        position=position,
        agents=dict(Counter((agent.role, agent.state) for agent in registry.agents(rows))),
    )


def _utilisation(rows: Reader, now: datetime) -> dict[tuple[str, bool], float]:
    """Of each role: a role without a limit uses none of it. Simulated money where there was any."""
    found: dict[tuple[str, bool], float] = {}
    for role in roles():
        real: BudgetView | None = budgets.budget_of(rows, Scope.ROLE, role, now)
        simulated = budgets.budget_of(rows, Scope.ROLE, role, now, simulated=True)
        found[role, False] = real.utilisation if real else 0.0
        if simulated is not None:
            found[role, True] = simulated.utilisation
    return found


class Exposition:
    """What `generate_latest` takes for a registry."""

    def __init__(
        self,
        states: Sequence[WorkspaceState],
        providers_up: dict[str, str],
        paused_models: dict[str, str],
        own: Iterable[Metric],
        standing: Standing = _NOBODY,
        version: str = "",
    ) -> None:
        self._states = states
        self._providers_up = providers_up
        self._paused_models = paused_models
        self._own = own
        self._standing = standing
        self._version = version

    def collect(self) -> Iterable[Metric]:
        for metric in self._own:
            # When a series began says nothing here, and would be a series of its own.
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
        yield _dropped_lines()
        build = GaugeMetricFamily("vapora_build_info", "1: this version answers.", labels=("version",))
        build.add_metric((self._version,), 1)
        yield build
        yield from self._system()
        yield from _logs(self._states)
        yield from _queues(self._states)
        readings = [state.reading for state in self._states if state.reading is not None]
        yield from _work(readings)
        yield from _calls(readings)
        yield from _reasons(readings)

    def _system(self) -> Iterable[Metric]:
        up = GaugeMetricFamily(
            "vapora_cell_up", "Whether the workspace's read models could be asked.", labels=("workspace",)
        )
        head = GaugeMetricFamily("vapora_log_head", "The log's last position.", labels=("workspace",))
        failed = GaugeMetricFamily(
            "vapora_projection_failed", "1: this projection has stopped.", labels=("projection", "workspace")
        )
        provider = GaugeMetricFamily("vapora_llm_provider_up", "1: the provider is asked.", labels=("provider",))
        paused = GaugeMetricFamily(
            "vapora_llm_model_paused",
            "1: this model is left alone after failures.",
            labels=("provider", "model", "reason"),
        )
        cells = GaugeMetricFamily("vapora_cells", "Workspaces by whether their actors run.", labels=("state",))
        cells.add_metric(("awake",), len(self._standing.awake))
        cells.add_metric(("asleep",), self._standing.asleep)
        cells.add_metric(("closed",), len(self._standing.closed))
        cells.add_metric(("elsewhere",), self._standing.elsewhere)
        for state in self._states:
            up.add_metric((state.workspace,), float(state.reading is not None))
            head.add_metric((state.workspace,), state.head)
            for name in state.failed:
                failed.add_metric((name, state.workspace), 1)
        for name, said in self._providers_up.items():
            provider.add_metric((name,), float(said == "up"))
        for name, reason in self._paused_models.items():
            owner, _, model = name.partition("/")
            paused.add_metric((owner, model, reason), 1)
        yield from (up, head, failed, provider, paused, cells)


def _dropped_lines() -> Metric:
    return CounterMetricFamily(
        "vapora_journal_lines_dropped",
        "Lines that this process could not write to standard error.",
        value=journal.dropped(),
    )


def _logs(states: Sequence[WorkspaceState]) -> Iterable[Metric]:
    lag = GaugeMetricFamily(
        "vapora_follower_lag",
        "How many positions of the log a follower has not gone through yet.",
        labels=("follower", "workspace"),
    )
    events = CounterMetricFamily(
        "vapora_log_events", "Events that were appended since the log's writer was started.", labels=("workspace",)
    )
    took = HistogramMetricFamily(
        "vapora_log_commit_seconds", "How long commits of the log took: its database or file.", labels=("workspace",)
    )
    for state in states:
        for follower, position in state.followers.items():
            lag.add_metric((follower, state.workspace), max(0, state.head - position))
        if state.commits is not None:
            events.add_metric((state.workspace,), state.commits.events)
            took.add_metric((state.workspace,), state.commits.buckets, state.commits.sum_s)
    yield from (lag, events, took)


def _queues(states: Sequence[WorkspaceState]) -> Iterable[Metric]:
    """What is not known has no series: 0 would be a claim."""
    connected = GaugeMetricFamily(
        "vapora_queue_connected", "1: the queue delivers; 0: work goes on from the log.", labels=("kind", "workspace")
    )
    depth = GaugeMetricFamily(
        "vapora_queue_depth", "Tasks on offer, without dead letters.", labels=("subject", "workspace")
    )
    dead = GaugeMetricFamily(
        "vapora_queue_dead_letters", "Offers that were delivered too often.", labels=("workspace",)
    )
    for state in states:
        if (queue := state.queue) is None:
            continue
        connected.add_metric((queue.kind, state.workspace), float(queue.connected))
        for subject, count in queue.depth.items():
            depth.add_metric((subject, state.workspace), count)
        if queue.dead_letters_known:
            dead.add_metric((state.workspace,), len(queue.dead_letters))
    yield from (connected, depth, dead)


def _work(readings: Sequence[Reading]) -> Iterable[Metric]:
    position = GaugeMetricFamily(
        "vapora_projection_position", "How far the read models have come in the log.", labels=("workspace",)
    )
    used = GaugeMetricFamily(
        "vapora_llm_budget_utilization",
        "Spent over limit, the worse of month and week; 0 without a limit.",
        labels=("role", "simulated", "workspace"),
    )
    tasks = GaugeMetricFamily("vapora_tasks", "Cards by state.", labels=("state", "simulated", "workspace"))
    running = GaugeMetricFamily("vapora_runs_open", "Runs that have not ended.", labels=("workspace",))
    took = HistogramMetricFamily(
        "vapora_run_duration_seconds",
        "From the start of a run to its end.",
        labels=("role", "outcome", "simulated", "workspace"),
    )
    agents = GaugeMetricFamily("vapora_agents", "Agents by role and state.", labels=("role", "state", "workspace"))
    for one in readings:
        for (role, state), count in one.agents.items():
            agents.add_metric((role, state, one.workspace), count)
        position.add_metric((one.workspace,), one.position)
        running.add_metric((one.workspace,), one.llm.running)
        for (role, simulated), share in one.utilisation.items():
            used.add_metric((role, _flag(simulated), one.workspace), share)
        for (state, simulated), count in one.tasks.items():
            tasks.add_metric((state, _flag(simulated), one.workspace), count)
        for run in one.llm.runs:
            buckets = [*((str(bound), float(count)) for bound, count in run.buckets), ("+Inf", float(run.count))]
            took.add_metric((run.role, run.outcome, _flag(run.simulated), one.workspace), buckets, run.sum_s)
    yield from (position, used, tasks, running, took, agents)


def _calls(readings: Sequence[Reading]) -> Iterable[Metric]:
    labels = ("provider", "model", "role", "simulated", "workspace")
    calls = CounterMetricFamily("vapora_llm_calls", "Calls that were booked.", labels=labels)
    unknown = CounterMetricFamily(
        "vapora_llm_unknown_calls", "Calls whose bill nobody knows, booked at their worst case.", labels=labels
    )
    tokens = CounterMetricFamily("vapora_llm_tokens", "Tokens as billed.", labels=("direction", *labels))
    cost = CounterMetricFamily("vapora_llm_cost_microusd", "What the calls cost, in micro-dollars.", labels=labels)
    over = CounterMetricFamily(
        "vapora_llm_overcharge_microusd", "Billed beyond the worst case, in micro-dollars.", labels=labels
    )
    for one in readings:
        for call in one.llm.calls:
            of = (call.provider, call.model, call.role, _flag(call.simulated), one.workspace)
            calls.add_metric(of, call.calls)
            unknown.add_metric(of, call.unknown_calls)
            tokens.add_metric(("in", *of), call.tokens_in)
            tokens.add_metric(("out", *of), call.tokens_out)
            cost.add_metric(of, call.cost_microusd)
            over.add_metric(of, call.overcharge_microusd)
    yield from (calls, unknown, tokens, cost, over)


def _reasons(readings: Sequence[Reading]) -> Iterable[Metric]:
    labels = ("provider", "model", "reason", "simulated", "workspace")
    failures = CounterMetricFamily("vapora_llm_failures", "Calls that brought no answer, by error.", labels=labels)
    fallbacks = CounterMetricFamily(
        "vapora_llm_fallbacks", "Times that another model was taken than the rules alone would have.", labels=labels
    )
    for one in readings:
        for family, counts in ((failures, one.llm.failures), (fallbacks, one.llm.fallbacks)):
            for count in counts:
                of = (count.provider, count.model, count.reason, _flag(count.simulated), one.workspace)
                family.add_metric(of, count.count)
    yield from (failures, fallbacks)


def _flag(simulated: bool) -> str:
    return "true" if simulated else "false"
