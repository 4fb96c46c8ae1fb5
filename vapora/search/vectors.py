"""The vectors of an index as those who look have them: in memory, read once, and then only what has changed.

Vectors are compared within one model alone. An index has at most one model that is looked at; another may be on its way
beside it, and takes its place when every entry has a vector of it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vapora.domain.search import Allowed
from vapora.ports import QuestionVector
from vapora.search.provided import is_of_provider
from vapora.search.session import Ask, Session

if TYPE_CHECKING:
    from vapora.search.latent import Latent

# Below this a text and a question have nothing to do with each other.
LEAST = 0.15
_ROOM = 1_024


class VectorCache:
    """Any number of threads may ask; NumPy is imported by the first question that needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: _Table | None = None

    def questions(self, g: int) -> list[Ask]:
        """What `nearest` is to be given the answers of: which model is looked at, and what has changed of it, should
        it be the one that is known."""
        with self._lock:
            known = self._table
            changed = [known.changes()] if known is not None and known.name[0] == g else []
        return [Ask(f"SELECT name FROM models_{g} WHERE live = 1"), *changed]

    def nearest(
        self,
        session: Session,
        g: int,
        answers: Sequence[Sequence[Any]],
        text: str,
        allowed: Allowed,
        limit: int,
        asked: QuestionVector | None = None,
    ) -> list[tuple[int, float]] | None:
        """Numbers of those entries that are nearest to the text, among what may be seen, with how near (up to 1). None:
        the index has no vectors, or a provider's, and what is `asked` is not of its model."""
        live, changed = answers[0], answers[1:]
        if not live:
            return None
        [row] = live
        given = None
        if is_of_provider(str(row[0])):
            if asked is None or asked.model != row[0]:
                return None
            given = asked.vector
        with self._lock:
            table = self._table
            if table is None or table.name != (g, row[0]):
                self._table = table = _Table(session, g, str(row[0]))
                changed = session.ask([table.changes()])
            for rows in changed:
                table.take(rows)
            return table.nearest(text if given is None else given, allowed, limit)


class _Table:
    def __init__(self, session: Session, g: int, name: str) -> None:
        import numpy as np

        from vapora.search.latent import Latent

        self._np = np
        self.name = (g, name)
        data, dims = session.execute(f"SELECT data, dims FROM models_{g} WHERE name = ?", (name,)).fetchone()
        self._model: Latent | None = None if is_of_provider(name) else Latent.unpack(bytes(data))
        self._seen = 0
        self._places: dict[int, int] = {}
        self._codes: dict[str, int] = {}
        self._vectors: Any = np.zeros((_ROOM, int(dims)), dtype=np.float32)
        # What each vector is of: its entry's number, and its kind and project as codes.
        self._rows: Any = np.zeros((3, _ROOM), dtype=np.int64)

    def changes(self) -> Ask:
        g, name = self.name
        return Ask(
            f"SELECT v.number, v.change, v.vector, e.kind, e.project_id FROM vectors_{g} v "
            f"JOIN entries_{g} e ON e.number = v.number WHERE v.model = ? AND v.change > ? ORDER BY v.change",
            (name, self._seen),
        )

    def take(self, changed: Sequence[Any]) -> None:
        """Each change names its model's next number. What others have taken meanwhile is not taken again: of an entry
        they may know what is newer."""
        seen = self._seen
        for number, change, vector, kind, project_id in changed:
            if change <= seen:
                continue
            at = self._places.setdefault(number, len(self._places))
            if at >= len(self._vectors):
                self._grow()
            self._vectors[at] = self._np.frombuffer(bytes(vector), dtype=self._np.float16)
            self._rows[:, at] = (number, self._code("kind", kind), self._code("project", project_id))
            self._seen = max(self._seen, int(change))

    def nearest(self, question: str | bytes, allowed: Allowed, limit: int) -> list[tuple[int, float]]:
        np, size = self._np, len(self._places)
        asked = self._vector(question)
        near = self._vectors[:size] @ asked
        # A yes or no for each pair of kind and project, looked up for all entries at once.
        seen = np.zeros((len(self._codes) + len(allowed), len(self._codes) + len(allowed)), dtype=bool)
        for kind, projects in allowed.items():
            known = (
                None
                if projects is None
                else [code for one in projects if (code := self._codes.get(f"project {one}")) is not None]
            )
            seen[self._code("kind", kind), slice(None) if known is None else known] = True
        may = seen[self._rows[1, :size], self._rows[2, :size]]
        near = np.where(may, near, -1.0)
        best = np.argpartition(-near, min(limit, size - 1))[:limit] if size > limit else np.arange(size)
        ranked = best[np.argsort(-near[best], kind="stable")]
        return [(int(self._rows[0, at]), float(near[at])) for at in ranked if near[at] >= LEAST]

    def _vector(self, question: str | bytes) -> Any:
        """Of a text, by what was learned here; else it is one already."""
        if isinstance(question, bytes):
            return self._np.frombuffer(question, dtype=self._np.float16).astype(self._np.float32)
        from vapora.search.latent import counted

        assert self._model is not None
        [found] = self._model.vectors([counted("", question)])
        return found

    def _code(self, what: str, name: str) -> int:
        return self._codes.setdefault(f"{what} {name}", len(self._codes))

    def _grow(self) -> None:
        np, room = self._np, len(self._vectors)
        self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._rows = np.concatenate([self._rows, np.zeros((3, room), dtype=np.int64)], axis=1)
