"""Execution records: what the knowledge graph remembers of a run, with what other read models know of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from projections import board
from projections.engine.base import Reader, Row
from projections.knowledge import EXECUTIONS, TASKS
from projections.runs import RUNS
from vapora.domain.knowledge import quality as rules
from vapora.domain.rank_fusion import reciprocal_rank
from vapora.errors import BadInputError
from vapora.views import ExecutionRecord

# Of so many of each ranking the joined one is made.
_RANKED = 100
_LONGEST_DESCRIPTION = 2_000


class Likeness(Protocol):
    """Texts of runs, and which of them are like another text. It may read a disk or a network."""

    def rankings(self, text: str, projects: Collection[str] | None, limit: int) -> Sequence[Sequence[str]]:
        """Ids of runs, best first: one ranking by words and one by vectors; only the first where there are no vectors.
        `projects`: only of these; None: of all."""
        ...

    def close(self) -> None:
        """Give back what it has open."""


def executions(
    rows: Reader, where: dict[str, Any], limit: int, cursor: str | None = None
) -> tuple[tuple[ExecutionRecord, ...], str | None]:
    """The newest first, and the cursor of what follows. `where`: by columns of the table. Raises `BadInputError` for a
    cursor that names no execution."""
    after = None
    if cursor is not None:
        last = rows.get(EXECUTIONS, (cursor,))
        if last is None:
            raise BadInputError(
                "This cursor names no execution that is remembered.", remedy="Start without one.", field="cursor",
                where="query",
            )  # fmt: skip
        after = (last["started_at"], last["run_id"])
    found = rows.select(EXECUTIONS, where, order=("-started_at", "-run_id"), limit=limit + 1, after=after)
    more = found[limit - 1]["run_id"] if len(found) > limit else None
    return records(rows, found[:limit]), more


def of_run(rows: Reader, run_id: str) -> ExecutionRecord | None:
    row = rows.get(EXECUTIONS, (run_id,))
    return None if row is None else records(rows, [row])[0]


def text_of(rows: Reader, similar_to: str) -> tuple[str, str | None]:
    """What to look for, and the task that it is about: of a task or a run by its id, or the text itself."""
    of = rows.get(EXECUTIONS, (similar_to,))
    task_id = of["task_id"] if of is not None else similar_to
    card = board.card(rows, task_id)
    if card is None:
        return similar_to, None
    return f"{card.title}\n{card.description}", task_id


def similar(
    rows: Reader,
    likeness: Likeness,
    similar_to: str,
    where: dict[str, Any],
    limit: int,
    projects: Collection[str | None] | None = None,
) -> tuple[ExecutionRecord, ...]:
    """The most alike first, without those of the task that is asked about. Words and vectors, joined by reciprocal
    rank."""
    text, task_id = text_of(rows, similar_to)
    of = None if projects is None else [one for one in projects if one]
    scores = dict(reciprocal_rank(likeness.rankings(text, of, _RANKED)))
    # A ranking is of all runs; what is asked for narrows it.
    known = rows.select(EXECUTIONS, {**where, "purpose": "work", "run_id": tuple(scores)}) if scores else []
    found = [row for row in known if row["task_id"] != task_id]
    found.sort(key=lambda row: (-scores[row["run_id"]], row["run_id"]))
    return records(rows, found[:limit], scores)


def records(rows: Reader, found: Sequence[Row], scores: dict[str, float] | None = None) -> tuple[ExecutionRecord, ...]:
    if not found:
        return ()
    runs = {row["run_id"]: row for row in rows.select(RUNS, {"run_id": tuple(row["run_id"] for row in found)})}
    task_ids = tuple({row["task_id"] for row in found})
    titles = {row["task_id"]: row["title"] for row in rows.select(TASKS, {"task_id": task_ids})}
    cards = {task_id: board.card(rows, task_id) for task_id in task_ids}

    def record(row: Row) -> ExecutionRecord:
        facts, run, card = facts_of(row), runs.get(row["run_id"]), cards[row["task_id"]]
        title = titles.get(row["task_id"]) or (card.title if card is not None else "")
        return ExecutionRecord(
            id=row["run_id"],
            agent=row["agent_id"],
            task=row["task_id"],
            project=row["project_id"],
            task_type=row["task_type"],
            role=row["role"],
            purpose=row["purpose"],
            title=title,
            description=card.description[:_LONGEST_DESCRIPTION] if card is not None else "",
            outcome=rules.outcome(facts.state, facts.verdict),
            success=success_of(row),
            quality=rules.quality(facts),
            parts=rules.parts(facts),
            latency_ms=row["duration_ms"],
            cost_microusd=run["cost_microusd"] if run is not None else 0,
            providers=tuple(run["providers"]) if run is not None else (),
            models=tuple(run["models"]) if run is not None else (),
            checks=row["checks"],
            landed=bool(row["landed"]),
            said=row["said"],
            at=row["ended_at"] or row["started_at"],
            day=row["day"],
            given=row["given"],
            withheld=bool(row["withheld"]),
            score=(scores or {}).get(row["run_id"]),
            simulated=bool(row["simulated"]),
        )

    return tuple(map(record, found))


def facts_of(row: Row) -> rules.Facts:
    return rules.Facts(
        state=row["state"],
        verdict=row["verdict"],
        checks=row["checks"],
        check_rounds=row["check_rounds"],
        reviewed=bool(row["reviewed"]),
        landed=bool(row["landed"]),
    )


def success_of(row: Row) -> bool | None:
    """None: it has not ended, or was cancelled. Work that was sent back is none (R17)."""
    if row["state"] not in ("succeeded", "failed"):
        return None
    return bool(row["state"] == "succeeded" and row["verdict"] != "rejected")
