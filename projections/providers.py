"""Counters for `/metrics`: calls, tokens, money, failures, fallbacks, and how long runs take.

They count the log, not a process, so a restart or a second replica changes nothing in them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, routing, run
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant
from projections.old_reservations import OldReservations

# Upper bounds in seconds: from a quick answer to the hour at which a run counts as stuck.
BUCKETS_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0)
SUMS = ("calls", "unknown_calls", "tokens_in", "tokens_out", "cost_microusd", "overcharge_microusd")

CALLS = Table(
    "provider_calls",
    key=("provider", "model", "role", "simulated"),
    columns={
        "provider": "text",
        "model": "text",
        "role": "text",
        "simulated": "int",
        **dict.fromkeys(SUMS, "int"),
    },
)
COUNTS = Table(
    "provider_counts",
    key=("what", "provider", "model", "reason", "simulated"),
    columns={
        "what": "text",
        "provider": "text",
        "model": "text",
        "reason": "text",
        "simulated": "int",
        "count": "int",
    },
)
DURATIONS = Table(
    "run_durations",
    key=("role", "outcome", "simulated"),
    columns={
        "role": "text",
        "outcome": "text",
        "simulated": "int",
        "count": "int",
        "sum_ms": "int",
        # One more than there are bounds: the last is for what took longer.
        "buckets": "json",
    },
)
OPEN_RUNS = Table(
    "provider_open_runs",
    key=("run_id",),
    columns={"run_id": "text", "role": "text", "simulated": "int", "started_at": "text"},
)
OLD = OldReservations("provider")


@dataclass(frozen=True, slots=True)
class CallCounts:
    """`unknown_calls`, booked at their worst case, are among `calls`."""

    provider: str
    model: str
    role: str
    simulated: bool
    calls: int
    unknown_calls: int
    tokens_in: int
    tokens_out: int
    cost_microusd: int
    overcharge_microusd: int


@dataclass(frozen=True, slots=True)
class Count:
    """`reason`: the error of a failure, or the policy by which another model was taken than the rules said."""

    provider: str
    model: str
    reason: str
    simulated: bool
    count: int


@dataclass(frozen=True, slots=True)
class Durations:
    """`buckets`: (upper bound in seconds, runs that took at most so long), as Prometheus has it; `count` is +Inf's."""

    role: str
    outcome: str
    simulated: bool
    count: int
    sum_s: float
    buckets: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    calls: tuple[CallCounts, ...]
    failures: tuple[Count, ...]
    fallbacks: tuple[Count, ...]
    runs: tuple[Durations, ...]
    running: int


def _settled(recorded: Recorded, event: budget.SpendSettled, rows: Rows) -> None:
    more = event.model_dump(include={"tokens_in", "tokens_out", "cost_microusd", "overcharge_microusd"})
    more["unknown_calls"] = int(event.estimated)
    _book(rows, event, more)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    _book(rows, event, {"cost_microusd": event.amount_microusd, "unknown_calls": 1})


def _released(recorded: Recorded, event: budget.SpendReleased, rows: Rows) -> None:
    OLD.closed_by(event, rows)


def _book(rows: Rows, event: budget.ReservationClosed, more: dict[str, int]) -> None:
    of = OLD.closed_by(event, rows)
    # What a tool costs is no model's call.
    if of is None or of.charge.tool:
        return
    key: dict[str, str | int] = {
        "provider": str(of.provider),
        "model": of.model,
        "role": of.charge.role,
        "simulated": int(of.simulated),
    }
    row = rows.get(CALLS, tuple(key.values())) or {**key, **dict.fromkeys(SUMS, 0)}
    rows.put(CALLS, {**row, **{name: row[name] + value for name, value in {**more, "calls": 1}.items()}})


def _call_failed(recorded: Recorded, event: run.ModelCallFailed, rows: Rows) -> None:
    _count(rows, "failure", event, event.error)


def _selected(recorded: Recorded, event: routing.ProviderSelected, rows: Rows) -> None:
    if event.fallback_reason is not None:
        # The policy, not the words: those name models and errors, too many to be labels of a metric.
        _count(rows, "fallback", event, event.policy)


def _count(rows: Rows, what: str, event: run.ModelCallFailed | routing.ProviderSelected, reason: str) -> None:
    key: dict[str, str | int] = {
        "what": what,
        "provider": str(event.provider),
        "model": event.model,
        "reason": reason,
        "simulated": int(event.simulated),
    }
    row = rows.get(COUNTS, tuple(key.values())) or {**key, "count": 0}
    rows.put(COUNTS, {**row, "count": row["count"] + 1})


def _run_started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    row = {"run_id": event.run_id, "role": event.role, "simulated": int(event.simulated)}
    rows.put(OPEN_RUNS, {**row, "started_at": format_instant(recorded.recorded_at)})


def _run_ends_as(outcome: str) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        begun = rows.get(OPEN_RUNS, (event.run_id,))
        if begun is None:
            return
        rows.delete(OPEN_RUNS, (event.run_id,))
        key = {"role": begun["role"], "outcome": outcome, "simulated": begun["simulated"]}
        nothing = {**key, "count": 0, "sum_ms": 0, "buckets": [0] * (len(BUCKETS_S) + 1)}
        row = rows.get(DURATIONS, tuple(key.values())) or nothing
        seconds = (recorded.recorded_at - datetime.fromisoformat(begun["started_at"])).total_seconds()
        place = bisect_left(BUCKETS_S, seconds)
        buckets = [count + (index == place) for index, count in enumerate(row["buckets"])]
        sum_ms = row["sum_ms"] + round(seconds * 1_000)
        rows.put(DURATIONS, {**row, "count": row["count"] + 1, "sum_ms": sum_ms, "buckets": buckets})

    return handler


class Providers(Projection):
    NAME = "providers"
    VERSION = 3
    TABLES = (CALLS, COUNTS, DURATIONS, OPEN_RUNS, OLD.table)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        budget.SpendReserved: OLD.keep,
        budget.SpendSettled: _settled,
        budget.SpendUnknown: _booked,
        budget.SpendReleased: _released,
        routing.ProviderSelected: _selected,
        run.ModelCallFailed: _call_failed,
        run.RunStarted: _run_started,
        run.RunSucceeded: _run_ends_as("succeeded"),
        run.RunFailed: _run_ends_as("failed"),
        run.RunCancelled: _run_ends_as("cancelled"),
    }


def metrics(rows: Reader) -> Metrics:
    return Metrics(
        calls=tuple(CallCounts(**_plain(row)) for row in rows.select(CALLS)),
        failures=_counts(rows, "failure"),
        fallbacks=_counts(rows, "fallback"),
        runs=tuple(map(_durations, rows.select(DURATIONS))),
        running=len(rows.select(OPEN_RUNS)),
    )


def _counts(rows: Reader, what: str) -> tuple[Count, ...]:
    found = [_plain(row) for row in rows.select(COUNTS, {"what": what})]
    return tuple(Count(**{name: value for name, value in row.items() if name != "what"}) for row in found)


def _durations(row: Row) -> Durations:
    below, cumulated = 0, []
    for bound, count in zip(BUCKETS_S, row["buckets"], strict=False):
        below += count
        cumulated.append((bound, below))
    plain = {name: row[name] for name in ("role", "outcome", "count")}
    simulated = bool(row["simulated"])
    return Durations(**plain, simulated=simulated, sum_s=row["sum_ms"] / 1_000, buckets=tuple(cumulated))


def _plain(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "position"} | {"simulated": bool(row["simulated"])}
