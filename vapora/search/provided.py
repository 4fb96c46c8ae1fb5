"""Vectors that a provider's model made of an index's texts: kept for good by what they are of, so that no text is paid
for twice, and given to the entries that have those texts.

Blocking. Each call is one transaction, and texts are read in the one that gives them their vectors: an entry that
changes meanwhile never has the vector of another text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from vapora.clock import now
from vapora.ports import QuestionVector
from vapora.search.learning import drop_model, switch
from vapora.search.session import PAID, Session
from vapora.search.writer import IndexWriter

# Of one call: with texts of 8,000 bytes, fewer tokens than any provider takes at once.
MOST_TEXTS: Final = 32
_STEP = 500
# A text that is empty is refused by most.
_NOTHING = "(no text)"


def name_of(provider: str, model: str, dimensions: int | None, *, simulated: bool) -> str:
    """What an index calls the model. Vectors of two names have nothing to do with each other."""
    return f"{provider}:{model} {dimensions or 'all'}" + (" rehearsal" if simulated else "")


def is_of_provider(name: str) -> bool:
    """Whether a provider's model goes by that name, and not one that was learned here."""
    return ":" in name


def shown(title: str, body: str, most_bytes: int) -> str:
    """What the model is shown of an entry, cut between two characters."""
    text = f"{title}\n{body}".strip().encode()[:most_bytes].decode(errors="ignore")
    return text if text.strip() else _NOTHING


class Provided:
    """The vectors of one model in one index. `text_bytes`: how much of a text the model is shown."""

    def __init__(self, open_writer: Callable[[], IndexWriter], name: str, text_bytes: int) -> None:
        self.name = name
        self._open_writer = open_writer
        self._text_bytes = text_bytes

    def named(self, name: str) -> Provided:
        return self if name == self.name else Provided(self._open_writer, name, self._text_bytes)

    def step(self) -> tuple[str, ...] | None:
        """Give entries the vectors that are paid for, and go on to those that are not: texts to be made vectors of and
        kept, or none of them so far. None: every entry has its vector, and the index is asked by this model."""
        with self._open_writer() as writer, writer.open() as (session, g):
            _prepare(session)
            rows = session.execute(
                f"SELECT t.number, t.title, SUBSTR(t.body, 1, {self._text_bytes}) FROM texts_{g} t "
                f"LEFT JOIN vectors_{g} v ON v.number = t.number AND v.model = ? WHERE v.number IS NULL "
                f"ORDER BY t.number LIMIT {_STEP}",
                (self.name,),
            ).fetchall()
            if not rows:
                if self._live(session, g) != self.name:
                    switch(session, g, self.name)
                return None
            texts = {int(number): shown(title, body, self._text_bytes) for number, title, body in rows}
            paid = self._paid(session, list(texts.values()))
            self._give(session, g, {number: paid[text] for number, text in texts.items() if text in paid})
            return tuple(dict.fromkeys(text for text in texts.values() if text not in paid))[:MOST_TEXTS]

    def keep(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> None:
        """What was paid for. Vectors of another length than before are another model's, whatever it is called."""
        packed = [_packed(one) for one in vectors]
        with self._open_writer() as writer, writer.open() as (session, g):
            _prepare(session)
            before = session.execute("SELECT vector FROM paid_vectors WHERE model = ? LIMIT 1", (self.name,)).fetchone()
            if before is not None and len(bytes(before[0])) != len(packed[0]):
                session.execute("DELETE FROM paid_vectors WHERE model = ?", (self.name,))
                drop_model(session, g, self.name)
            session.many(
                "INSERT INTO paid_vectors (model, digest, vector) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(self.name, _digest(text), vector) for text, vector in zip(texts, packed, strict=True)],
            )

    def question(self, text: str) -> QuestionVector | None:
        """What was made of it before; without a vector: nothing was. None: the index is not asked by this model."""
        with self._open_writer() as writer, writer.open() as (session, g):
            _prepare(session)
            if self._live(session, g) != self.name:
                return None
            asked = self.asked(text)
            return QuestionVector(self.name, self._paid(session, [asked]).get(asked, b""))

    def asked(self, question: str) -> str:
        """What the model is shown of a question."""
        return shown(question, "", self._text_bytes)

    def _live(self, session: Session, g: int) -> str | None:
        row = session.execute(f"SELECT name FROM models_{g} WHERE live = 1").fetchone()
        return None if row is None else str(row[0])

    def _paid(self, session: Session, texts: Sequence[str]) -> dict[str, bytes]:
        by_digest = {_digest(text): text for text in texts}
        condition, values = session.among("digest", by_digest)
        found = session.execute(
            f"SELECT digest, vector FROM paid_vectors WHERE model = ? AND {condition}", (self.name, *values)
        ).fetchall()
        return {by_digest[str(digest)]: bytes(vector) for digest, vector in found}

    def _give(self, session: Session, g: int, vectors: dict[int, bytes]) -> None:
        if not vectors:
            return
        dims = len(next(iter(vectors.values()))) // 2
        # Its changes are counted from now: of a model that went and comes back, who looks reads all again.
        session.execute(
            f"INSERT INTO models_{g} VALUES (?, ?, 0, 0, ?, ?) ON CONFLICT (name) DO NOTHING",
            (self.name, dims, b"", int(now().timestamp() * 1_000)),
        )
        session.execute(f"UPDATE models_{g} SET changes = changes + 1 WHERE name = ?", (self.name,))
        (change,) = session.execute(f"SELECT changes FROM models_{g} WHERE name = ?", (self.name,)).fetchone()
        session.many(
            f"INSERT INTO vectors_{g} (number, model, change, vector) VALUES (?, ?, ?, ?)",
            [(number, self.name, change, vector) for number, vector in vectors.items()],
        )


def let_go(open_writer: Callable[[], IndexWriter], chosen: str) -> None:
    """Vectors that a workspace wants no more: of another provider's model than the one `chosen`, and all of them where
    it wants none. What was learned here is kept until what is chosen takes its place: it costs nothing."""
    with open_writer() as writer, writer.open() as (session, g):
        for (name,) in session.execute(f"SELECT name FROM models_{g}").fetchall():
            wanted = name.partition(" ")[0] == chosen if is_of_provider(name) else chosen != "none"
            if not wanted:
                drop_model(session, g, str(name))


def _prepare(session: Session) -> None:
    session.execute(PAID.format(**session.types))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _packed(vector: Sequence[float]) -> bytes:
    import numpy as np

    found = np.asarray(vector, dtype=np.float32)
    length = float(np.linalg.norm(found))
    return (found / (length if length > 1e-9 else 1.0)).astype(np.float16).tobytes()
