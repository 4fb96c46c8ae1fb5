"""Has an index learn what its texts are about, and gives each entry its vector.

In steps, each a transaction of its own: what follows the log goes on in between. A model is looked at only once every
entry has a vector of it; until then the one before is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from threading import Event
from typing import TYPE_CHECKING, Final

from vapora.search.session import Session, count
from vapora.search.writer import IndexWriter

if TYPE_CHECKING:
    from vapora.search.latent import Latent

# Fewer entries say too little about what goes together.
LEAST_ENTRIES: Final = 50
# It is learned again when there are so many times the entries that it was learned from.
_GROWN = 1.5
_STEP = 500


def is_due(session: Session, g: int) -> bool:
    entries = count(session, g)
    # A provider's model stands there with none: it was learned from nothing here.
    row = session.execute(f"SELECT MAX(entries) FROM models_{g}").fetchone()
    return int(entries) >= max(LEAST_ENTRIES, _GROWN * int(row[0] or 0))


def begin(session: Session, g: int, model: Latent) -> str:
    """The model's name; it is not looked at yet. One that somebody had begun is dropped."""
    session.execute(f"DELETE FROM vectors_{g} WHERE model IN (SELECT name FROM models_{g} WHERE live = 0)")
    session.execute(f"DELETE FROM models_{g} WHERE live = 0")
    entries = count(session, g)
    (last,) = session.execute(f"SELECT COUNT(*) FROM models_{g}").fetchone()
    name = f"latent-{int(last) + 1}-{int(entries)}"
    session.execute(f"INSERT INTO models_{g} VALUES (?, ?, ?, 0, ?, 0)", (name, model.dims, entries, model.pack()))
    return name


def fill(session: Session, g: int, name: str, model: Latent, numbers: Sequence[int] | None = None) -> int:
    """Vectors for some entries that have none of this model, among those of these `numbers` if any are named; how many
    those were."""
    from vapora.search.latent import counted

    among = "" if numbers is None else f"AND t.number IN ({', '.join(map(str, numbers)) or '-1'}) "
    rows = session.execute(
        f"SELECT t.number, t.title, t.body FROM texts_{g} t LEFT JOIN vectors_{g} v "
        f"ON v.number = t.number AND v.model = ? WHERE v.number IS NULL {among}ORDER BY t.number LIMIT {_STEP}",
        (name,),
    ).fetchall()
    if rows:
        vectors = model.vectors([counted(title, body) for _, title, body in rows])
        # Counted by the model: a number that went with an entry must not come again.
        session.execute(f"UPDATE models_{g} SET changes = changes + 1 WHERE name = ?", (name,))
        (change,) = session.execute(f"SELECT changes FROM models_{g} WHERE name = ?", (name,)).fetchone()
        packed = [vector.astype("float16").tobytes() for vector in vectors]
        session.many(
            f"INSERT INTO vectors_{g} (number, model, change, vector) VALUES (?, ?, ?, ?)",
            [(row[0], name, change, vector) for row, vector in zip(rows, packed, strict=True)],
        )
    return len(rows)


def switch(session: Session, g: int, name: str) -> None:
    """From now on this one is looked at, and no other is kept."""
    session.execute(f"DELETE FROM vectors_{g} WHERE model <> ?", (name,))
    session.execute(f"DELETE FROM models_{g} WHERE name <> ?", (name,))
    session.execute(f"UPDATE models_{g} SET live = 1 WHERE name = ?", (name,))


def drop_model(session: Session, g: int, name: str) -> None:
    session.execute(f"DELETE FROM vectors_{g} WHERE model = ?", (name,))
    session.execute(f"DELETE FROM models_{g} WHERE name = ?", (name,))


def live(session: Session, g: int) -> tuple[str, Latent] | None:
    from vapora.search.latent import Latent

    row = session.execute(f"SELECT name, data FROM models_{g} WHERE live = 1").fetchone()
    return None if row is None else (str(row[0]), Latent.unpack(bytes(row[1])))


def learn_if_due(open_writer: Callable[[], IndexWriter], stopped: Event) -> bool:
    """Learn anew where that is due, and give every entry its vector; whether it was. Takes seconds for some ten
    thousand entries, in a thread of its own, and leaves off where `stopped` is set: the next time begins again."""
    with open_writer() as writer:
        with writer.open() as (session, g):
            if not is_due(session, g):
                return False
        from vapora.search.latent import MOST_TEXTS, learn

        with writer.open() as (session, g):
            rows = session.execute(
                f"SELECT title, body FROM texts_{g} ORDER BY number DESC LIMIT {MOST_TEXTS}"
            ).fetchall()
        model = learn(_counted(rows, stopped))
        if model is None or stopped.is_set():
            return False
        with writer.open() as (session, g):
            name = begin(session, g, model)
        while not stopped.is_set():
            with writer.open() as (session, now):
                if now != g:
                    return False  # the index was built anew meanwhile
                if not fill(session, g, name, model):
                    switch(session, g, name)
                    return True
        return False


def _counted(rows: Sequence[tuple[str, str]], stopped: Event) -> list[Counter[str]]:
    from vapora.search.latent import counted

    return [counted(title, body) for title, body in rows if not stopped.is_set()]
