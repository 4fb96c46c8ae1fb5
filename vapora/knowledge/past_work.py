"""What an agent is told of past executions when a run of its begins, and what they say of models."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.knowledge import GivenExecution
from projections.engine.base import Reader, Row
from projections.engine.store import StoreReader
from projections.knowledge import EXECUTIONS, RELATIONS, TASKS
from projections.projects import project_of
from projections.runs import RUNS
from projections.settings import settings
from vapora.database import Place
from vapora.domain import model_quality
from vapora.domain.knowledge import past
from vapora.domain.knowledge.past import PastExecution
from vapora.domain.knowledge.quality import outcome, quality
from vapora.domain.model_quality import Evidence
from vapora.domain.task import Task
from vapora.errors import UnavailableError
from vapora.knowledge.executions import Likeness, facts_of
from vapora.views import WorkspaceSettings

# The newest so many of a kind are looked at.
_LOOKED_AT = 200
_RANKED = 50


@dataclass(frozen=True, slots=True)
class Telling:
    """`text`: as it stands in the brief, unless it is `withheld` so that runs with and without can be compared."""

    given: tuple[GivenExecution, ...]
    text: str
    withheld: bool = False


class PastWork:
    """Reads a workspace's read models from whichever process an agent is in. `likeness` None: by quality and age."""

    def __init__(self, place: Place, likeness: Likeness | None = None) -> None:
        self._place = place
        self._likeness = likeness
        self._reader: StoreReader | None = None
        self._lock = threading.Lock()

    def telling(self, run_id: str, task: Task, simulated: bool) -> Telling | None:
        """None where there is nothing to tell, or it is switched off. Blocks. Raises `UnavailableError` where the read
        models, or the index of texts, cannot be asked."""
        with self._opened().snapshot() as rows:
            return telling(rows, self._likeness, run_id, task, simulated)

    def evidence(self, task_type: str, simulated: bool) -> tuple[Evidence, ...]:
        """What the runs that are remembered say of models at this type of task. Blocks. Raises `UnavailableError`
        where the read models cannot be asked."""
        with self._opened().snapshot() as rows:
            return evidence(rows, task_type, simulated)

    def _opened(self) -> StoreReader:
        with self._lock:
            self._reader = self._reader or StoreReader(self._place)
        if not self._reader.exists():
            raise UnavailableError("There are no read models yet.", remedy="Wait until the projector has started.")
        return self._reader

    def close(self) -> None:
        """Give back what it has open."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
        if self._likeness is not None:
            self._likeness.close()


def evidence(rows: Reader, task_type: str, simulated: bool) -> tuple[Evidence, ...]:
    """As `PastWork.evidence`, of these rows."""
    ended = rows.select(
        EXECUTIONS,
        {"task_type": task_type, "simulated": int(simulated), "state": ("succeeded", "failed"), "counts": 1},
        order=("-started_at",),
        limit=_LOOKED_AT,
    )
    ran = rows.select(RUNS, {"run_id": tuple(row["run_id"] for row in ended)}) if ended else []
    models = {row["run_id"]: tuple(row["models"]) for row in ran}
    found = ((quality(facts_of(row)), models.get(row["run_id"], ())) for row in ended)
    return model_quality.fold((good, answered) for good, answered in found if good is not None)


def telling(rows: Reader, likeness: Likeness | None, run_id: str, task: Task, simulated: bool) -> Telling | None:
    """As `PastWork.telling`, of these rows."""
    mode = (settings(rows) or WorkspaceSettings()).knowledge.in_briefs
    own = project_of(rows, task.project_id)
    if mode == "off" or own is None:
        return None
    where: dict[str, Any] = {"task_type": task.task_type, "simulated": int(simulated), "purpose": "work"}
    found = rows.select(
        EXECUTIONS,
        {**where, "state": ("succeeded", "failed"), "counts": 1},
        order=("-started_at",),
        limit=_LOOKED_AT,
    )
    may = {row["project_id"]: _may_be_told(rows, row["project_id"], own.providers) for row in found}
    may[task.project_id] = True
    told = [row for row in found if row["task_id"] != task.id and may[row["project_id"]]]
    if not told:
        return None
    alike: tuple[Sequence[str], ...] = ()
    if likeness is not None:
        projects = [project_id for project_id, allowed in may.items() if allowed]
        alike = tuple(likeness.rankings(f"{task.title}\n{task.description}", projects, _RANKED))
    chosen = past.choose(_past(rows, told), alike)
    if not chosen:
        return None
    given = tuple(
        GivenExecution(
            run_id=one.execution.run_id,
            task_id=one.execution.task_id,
            title=one.execution.title,
            outcome=one.execution.outcome,
            helped=" ".join((*one.execution.learned, one.execution.helped)).strip()[:500],
            score=round(one.score, 6),
        )
        for one in chosen
    )
    return Telling(given, past.told(chosen), past.is_withheld(mode, run_id))


def _may_be_told(rows: Reader, project_id: str, to: tuple[str, ...]) -> bool:
    """What is not known to be allowed is not."""
    of = project_of(rows, project_id)
    return of is not None and past.may_be_told(of.providers, to)


def _past(rows: Reader, found: list[Row]) -> list[PastExecution]:
    task_ids = tuple({row["task_id"] for row in found})
    titles = {row["task_id"]: row["title"] for row in rows.select(TASKS, {"task_id": task_ids})}
    learned: dict[str, list[Row]] = {}
    for row in rows.select(RELATIONS, {"task_id": task_ids, "removed": 0}, order=("at",)):
        if row["origin"] == "person" or row["solution"]:
            learned.setdefault(row["task_id"], []).append(row)
    return [_one(row, titles.get(row["task_id"], ""), learned.get(row["task_id"], [])) for row in found]


def _one(row: Row, title: str, learned: list[Row]) -> PastExecution:
    facts = facts_of(row)
    return PastExecution(
        run_id=row["run_id"],
        task_id=row["task_id"],
        project_id=row["project_id"],
        title=title,
        outcome=outcome(facts.state, facts.verdict),
        quality=quality(facts),
        at=row["ended_at"],
        helped=row["said"],
        learned=tuple(
            f"Problem: {one['problem']} Cause: {one['cause']}"
            + (f" Solution: {one['solution']}" if one["solution"] else "")
            for one in learned[-3:]
        ),
    )
