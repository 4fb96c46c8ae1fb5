"""The graph around a thing, walked in the read models: a few small looks for each node, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from projections import board
from projections.decisions import DECISIONS
from projections.engine.base import Reader, Row
from projections.knowledge import EXECUTIONS, RELATIONS, TASKS
from projections.projects import project_of
from projections.registry import agent_of
from projections.runs import ARTIFACTS
from vapora.domain.knowledge import graph as rules
from vapora.domain.knowledge.graph import KINDS, MOST_OF_A_KIND, Edge, Near, Node, NodeKind
from vapora.errors import BadInputError, NotFoundError
from vapora.knowledge.links import LINKS, End, Link
from vapora.views import Graph, GraphEdge, GraphNode

MOST_NODES = 200
_LONGEST_TITLE = 160


def node_of(name: str) -> tuple[NodeKind, str]:
    """`kind:id`. Raises `BadInputError`."""
    kind, colon, node_id = name.partition(":")
    if not colon or not node_id or kind not in KINDS:
        raise BadInputError(
            f"'{name[:200]}' names no node.", remedy=f"A node is kind:id, of {', '.join(KINDS)}.", field="node",
            where="query",
        )  # fmt: skip
    return kind, node_id


def graph(rows: Reader, name: str, depth: int, most: int = MOST_NODES) -> Graph:
    """What is up to `depth` edges from the node `kind:id`, the nearest first. Raises `NotFoundError` for one that
    nothing is known of."""
    kind, node_id = node_of(name)
    start = _described(rows, [(kind, node_id)]).get(name)
    if start is None:
        raise NotFoundError(f"Nothing is known of {name}.", remedy="Check the id; old executions are forgotten.")
    found = rules.walk(start, lambda front: _near(rows, front), depth, most)
    return Graph(
        start=name,
        depth=depth,
        nodes=tuple(
            GraphNode(
                name=one.name,
                kind=one.kind,
                id=one.id,
                title=one.title,
                state=one.state,
                at=one.at,
                distance=found.distance[one.name],
                more=one.name in found.cut,
            )
            for one in found.nodes
        ),
        edges=tuple(GraphEdge(source=one.source, kind=one.kind, target=one.target) for one in found.edges),
    )


def _near(rows: Reader, front: Sequence[Node]) -> Near:
    edges: dict[Edge, None] = {}
    cut: set[str] = set()
    for node in front:
        for link in LINKS:
            for mine, other, outward in ((link.source, link.target, True), (link.target, link.source, False)):
                if mine.kind == node.kind:
                    found = _rows_of(rows, link, mine, node.id)
                    if len(found) > MOST_OF_A_KIND:
                        cut.add(node.name)
                    for row in found[:MOST_OF_A_KIND]:
                        if (there := other.id_of(row)) is not None:
                            ends = (node.name, f"{other.kind}:{there}")
                            source, target = ends if outward else ends[::-1]
                            edges[Edge(source, link.kind, target)] = None
        edges.update(dict.fromkeys(_listed(rows, node)))
    names = {end for edge in edges for end in (edge.source, edge.target)}
    known = _described(rows, map(node_of, sorted(names)))
    kept = tuple(edge for edge in edges if edge.source in known and edge.target in known)
    # In the order in which they were found: the newest of each kind first.
    order = dict.fromkeys(end for edge in kept for end in (edge.source, edge.target))
    return Near(tuple(known[name] for name in order), kept, frozenset(cut))


def _rows_of(rows: Reader, link: Link, end: End, node_id: str) -> list[Row]:
    values = node_id.split("@", len(end.columns) - 1)
    if len(values) < len(end.columns):
        return []
    where = {**link.where, end.columns[0]: values[0]}
    if len(values) > 1:
        column = end.columns[1]
        if link.table.columns[column] == "int" and not values[1].isdecimal():
            return []
        where[column] = int(values[1]) if link.table.columns[column] == "int" else values[1]
    found = rows.select(link.table, where, order=(f"-{link.newest}",), limit=MOST_OF_A_KIND + 1)
    return [row for row in found if not link.filled or row[link.filled]]


def _listed(rows: Reader, node: Node) -> Iterable[Edge]:
    """Edges that stand as lists in a row: they are found from this side only."""
    if node.kind == "task" and (row := rows.get(TASKS, (node.id,))) is not None:
        for other in row["blocked_by"][:MOST_OF_A_KIND]:
            yield Edge(node.name, "waits-for", f"task:{other}")
    if node.kind == "run" and (row := rows.get(EXECUTIONS, (node.id,))) is not None and not row["withheld"]:
        for other in row["given"]:
            yield Edge(node.name, "was-told-of", f"run:{other['run_id']}")
    if node.kind == "decision" and (row := _decision(rows, node.id)) is not None:
        yield Edge(node.name, "chose", f"agent:{row['chosen']}")


def _described(rows: Reader, wanted: Iterable[tuple[NodeKind, str]]) -> dict[str, Node]:
    """Those of which something is known, by name."""
    found: dict[str, Node] = {}
    for kind, node_id in wanted:
        node = _node(rows, kind, node_id)
        if node is not None:
            found[node.name] = node
    return found


def _node(rows: Reader, kind: NodeKind, node_id: str) -> Node | None:
    match kind:
        case "task":
            card, row = board.card(rows, node_id), rows.get(TASKS, (node_id,))
            if card is None:
                return None if row is None else Node(kind, node_id, row["title"], "", row["at"])
            return Node(kind, node_id, card.title, card.state.value, row["at"] if row is not None else None)
        case "run":
            row = rows.get(EXECUTIONS, (node_id,))
            if row is None:
                return None
            title = f"{row['agent_id']}: {row['task_type']}"
            return Node(kind, node_id, title, row["verdict"] or row["state"], row["started_at"])
        case "problem" | "cause" | "solution":
            row = rows.get(RELATIONS, (node_id,))
            if row is None or row["removed"] or not row[kind]:
                return None
            return Node(kind, node_id, _short(row[kind]), row["origin"], row["at"])
        case "agent":
            known = agent_of(rows, node_id)
            return Node(kind, node_id, known.name if known is not None else node_id)
        case "project":
            project = project_of(rows, node_id)
            return None if project is None else Node(kind, node_id, project.name)
        case "decision":
            row = _decision(rows, node_id) if _is_known(rows, node_id.partition("@")[0]) else None
            return None if row is None else Node(kind, node_id, _short(row["reason"]), row["kind"])
        case "artifact":
            run_id, _, name = node_id.partition("@")
            row = rows.get(ARTIFACTS, (run_id, name)) if _is_known(rows, run_id.rpartition(".")[0]) else None
            return None if row is None else Node(kind, node_id, row["name"], row["kind"])
        case _:
            return Node(kind, node_id, node_id)


def _is_known(rows: Reader, task_id: str) -> bool:
    """What belongs to a card that may not be read is not there either."""
    return _node(rows, "task", task_id) is not None


def _decision(rows: Reader, node_id: str) -> Row | None:
    task_id, _, at = node_id.partition("@")
    return rows.get(DECISIONS, (task_id, int(at))) if at.isdecimal() else None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + "…"
