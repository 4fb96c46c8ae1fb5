"""A bounded walk through what is known, from one thing to what is near it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

NodeKind = Literal[
    "task", "run", "agent", "person", "project", "file", "decision", "artifact", "document", "problem", "cause",
    "solution",
]  # fmt: skip
KINDS: tuple[NodeKind, ...] = (
    "task", "run", "agent", "person", "project", "file", "decision", "artifact", "document", "problem", "cause",
    "solution",
)  # fmt: skip
# Of one kind of thing next to a node, the newest: an agent with ten thousand runs is no picture.
MOST_OF_A_KIND = 25


@dataclass(frozen=True, slots=True)
class Node:
    """`title`: for people; `at`: when it came to be, as the log has it; `state`: of a task or run."""

    kind: NodeKind
    id: str
    title: str = ""
    state: str = ""
    at: str | None = None

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """From one node to another, by their names. It reads as a sentence: run `worked-on` task."""

    source: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Near:
    """What is next to some nodes. `cut`: names of those nodes that have more neighbours than these."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Walk:
    """`distance`: of each node from the first, in edges. `cut`: nodes that have neighbours which are not here."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    distance: dict[str, int]
    cut: frozenset[str]


def walk(start: Node, near: Callable[[Sequence[Node]], Near], depth: int, most: int) -> Walk:
    """Breadth first: all nodes at distance 1, then at 2, up to `depth` and to `most` nodes. An edge is given only where
    both of its ends are."""
    nodes, distance = {start.name: start}, {start.name: 0}
    edges: set[Edge] = set()
    cut: set[str] = set()
    front = [start]
    for step in range(1, depth + 1):
        if not front:
            break
        found = near(front)
        cut |= found.cut
        front = []
        for node in found.nodes:
            if node.name in nodes:
                continue
            if len(nodes) == most:
                cut |= _ends_of(found.edges, node.name) & nodes.keys()
                continue
            nodes[node.name] = node
            distance[node.name] = step
            front.append(node)
        edges.update(found.edges)
    both = tuple(sorted(edge for edge in edges if edge.source in nodes and edge.target in nodes))
    return Walk(tuple(nodes.values()), both, distance, frozenset(cut))


def _ends_of(edges: Iterable[Edge], name: str) -> set[str]:
    return {end for edge in edges if name in (edge.source, edge.target) for end in (edge.source, edge.target)} - {name}
