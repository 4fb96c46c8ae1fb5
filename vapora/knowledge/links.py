"""The edges of the graph: pairs of columns of rows that stand there anyway, and how its nodes are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from projections.decisions import DECISIONS
from projections.engine.base import Condition, Row, Table
from projections.knowledge import EXECUTIONS, FILES, RELATIONS, TASKS
from projections.runs import ARTIFACTS
from vapora.domain.knowledge.graph import NodeKind


@dataclass(frozen=True, slots=True)
class End:
    """A node of this kind, whose id stands in these columns, joined by `@`; the first is looked for."""

    kind: NodeKind
    columns: tuple[str, ...]

    def id_of(self, row: Row) -> str | None:
        """None: the row says nothing of it."""
        values = [row[column] for column in self.columns]
        return None if any(value in (None, "") for value in values) else "@".join(map(str, values))


@dataclass(frozen=True, slots=True)
class Link:
    """In each row of `table` that fits `where`, an edge from `source` to `target`. `newest`: the column by which the
    newest are found. `filled`: a column that must say something."""

    kind: str
    table: Table
    source: End
    target: End
    newest: str
    where: Mapping[str, Condition] = field(default_factory=dict)
    filled: str = ""


_TASK, _RUN = End("task", ("task_id",)), End("run", ("run_id",))
_PROBLEM, _CAUSE, _SOLUTION = (End(kind, ("id",)) for kind in ("problem", "cause", "solution"))
_SHOWN: dict[str, Condition] = {"removed": 0}
_DECIDED: dict[str, Condition] = {"kind": ("agent", "reviewer")}
_DECISION = End("decision", ("task_id", "at"))

LINKS: tuple[Link, ...] = (
    Link("worked-on", EXECUTIONS, _RUN, _TASK, "started_at"),
    Link("done-by", EXECUTIONS, _RUN, End("agent", ("agent_id",)), "started_at"),
    Link("changed", FILES, _TASK, End("file", ("path",)), "at"),
    Link("asked-for", TASKS, End("person", ("asked_by",)), _TASK, "at"),
    Link("decided-on", TASKS, End("person", ("decided_by",)), _TASK, "at"),
    Link("belongs-to", TASKS, _TASK, End("project", ("project_id",)), "at"),
    Link("chosen-by", DECISIONS, _TASK, _DECISION, "at", _DECIDED),
    Link("handed-in", ARTIFACTS, _RUN, End("artifact", ("run_id", "name")), "name"),
    Link("met", RELATIONS, _TASK, _PROBLEM, "at", _SHOWN),
    Link("caused-by", RELATIONS, _PROBLEM, _CAUSE, "at", _SHOWN, filled="cause"),
    Link("solved-by", RELATIONS, _CAUSE, _SOLUTION, "at", _SHOWN, filled="solution"),
    Link("found-in", RELATIONS, _SOLUTION, End("run", ("solved_by",)), "at", _SHOWN, filled="solution"),
    Link("recorded", RELATIONS, End("person", ("recorded_by",)), _PROBLEM, "at", {**_SHOWN, "origin": "person"}),
)
