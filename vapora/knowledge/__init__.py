"""What the swarm knows, read from several read models and the index of texts: for the doors, for agents, for tools."""

from vapora.knowledge.executions import Likeness, executions, of_run, similar
from vapora.knowledge.index import IndexedRuns, likeness
from vapora.knowledge.learned import curves, effect, profiles
from vapora.knowledge.past_work import PastWork, Telling
from vapora.knowledge.relations import relation, relations
from vapora.knowledge.walking import graph

__all__ = [
    "IndexedRuns",
    "Likeness",
    "PastWork",
    "Telling",
    "curves",
    "effect",
    "executions",
    "graph",
    "likeness",
    "of_run",
    "profiles",
    "relation",
    "relations",
    "similar",
]
