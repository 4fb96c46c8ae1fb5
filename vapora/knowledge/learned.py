"""What executions come to: day by day, as a profile of an agent, and with and without being told of earlier ones."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from projections.engine.base import Reader
from projections.knowledge import DAYS, EXECUTIONS
from projections.profiles import CURVE
from projections.runs import RUNS
from projections.settings import settings
from vapora.domain.knowledge import effect as rules
from vapora.domain.knowledge.quality import quality
from vapora.domain.learning import DEFAULTS, RunOutcome, confidence, expertise, success_rate
from vapora.knowledge.executions import facts_of, success_of
from vapora.views import (
    Curves,
    Effect,
    EffectSum,
    KnowledgeProfile,
    KnowledgeProfiles,
    LearningPoint,
    WorkspaceSettings,
)

# The newest so many runs are compared.
_COMPARED = 2_000


def curves(rows: Reader, where: dict[str, Any]) -> Curves:
    """By day, agent and kind of work, the oldest day first."""
    found = rows.select(DAYS, where, order=("day",))
    points = []
    for row in found:
        paid = rows.get(CURVE, (row["agent_id"], row["task_type"], row["simulated"], row["day"]))
        points.append(
            LearningPoint(
                agent=row["agent_id"],
                task_type=row["task_type"],
                day=row["day"],
                runs=row["runs"],
                successes=row["successes"],
                success_rate=row["successes"] / row["runs"] if row["runs"] else 0.0,
                accepted=row["accepted"],
                rejected=row["rejected"],
                latency_ms=round(row["duration_ms"] / row["runs"]) if row["runs"] else 0,
                cost_microusd=paid["cost_microusd"] if paid is not None else 0,
                simulated=bool(row["simulated"]),
            )
        )
    return Curves(points=tuple(points))


def profiles(rows: Reader, agent_id: str, now: datetime) -> KnowledgeProfiles:
    """Worked out from the executions themselves. It agrees with the learning profile, which is folded as they come, for
    as long as none of them was forgotten."""
    found = rows.select(EXECUTIONS, {"agent_id": agent_id, "counts": 1, "state": ("succeeded", "failed")})
    found.sort(key=lambda row: (row["ended_at"], row["run_id"]))
    kinds: dict[tuple[str, bool], list[RunOutcome]] = {}
    for row in found:
        ended = datetime.fromisoformat(row["ended_at"])
        outcome = RunOutcome(row["run_id"], row["task_type"], ended, bool(success_of(row)))
        kinds.setdefault((row["task_type"], bool(row["simulated"])), []).append(outcome)
    shown = tuple(
        KnowledgeProfile(
            task_type=task_type,
            runs=len(outcomes),
            success_rate=success_rate(outcomes),
            expertise=expertise(outcomes[-DEFAULTS.cap :], now),
            confidence=confidence(len(outcomes)),
            simulated=simulated,
        )
        for (task_type, simulated), outcomes in sorted(kinds.items())
    )
    return KnowledgeProfiles(agent=agent_id, profiles=shown)


def effect(rows: Reader, simulated: bool, task_type: str | None = None) -> Effect:
    """Runs with and without being told. Rehearsals and real runs are never compared with each other."""
    where: dict[str, Any] = {"simulated": int(simulated), "purpose": "work", "counts": 1}
    where |= {"state": ("succeeded", "failed")} | ({} if task_type is None else {"task_type": task_type})
    found = rows.select(EXECUTIONS, where, order=("-started_at",), limit=_COMPARED)
    ids = tuple(row["run_id"] for row in found)
    costs = {row["run_id"]: row["cost_microusd"] for row in rows.select(RUNS, {"run_id": ids})} if ids else {}
    ended = [
        rules.Ended(
            arm="nothing" if not row["given"] else "withheld" if row["withheld"] else "given",
            success=bool(success_of(row)),
            quality=quality(facts_of(row)),
            cost_microusd=costs.get(row["run_id"], 0),
            duration_ms=row["duration_ms"],
        )
        for row in found
    ]
    sums = rules.sums(ended)
    return Effect(
        in_briefs=(settings(rows) or WorkspaceSettings()).knowledge.in_briefs,
        simulated=simulated,
        sums=tuple(EffectSum(**asdict(one)) for one in sums),
        caution=rules.caution(sums),
        looked_at=len(found),
    )
