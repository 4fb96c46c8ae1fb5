"""Finding things: an index of texts for each workspace, behind one contract over SQLite and PostgreSQL.

`SearchReader` looks, `IndexWriter` writes; `sources` says which events put what into it.
"""

from vapora.search.changes import Change, Drop, Handlers, Known, Put
from vapora.search.learning import learn_if_due
from vapora.search.live_model import LiveModel
from vapora.search.provided import Provided, let_go, name_of
from vapora.search.reader import SearchReader
from vapora.search.sources import SOURCES, mark_of, take_in, topics
from vapora.search.writer import Batch, IndexWriter

__all__ = [
    "SOURCES",
    "Batch",
    "Change",
    "Drop",
    "Handlers",
    "IndexWriter",
    "Known",
    "LiveModel",
    "Provided",
    "Put",
    "SearchReader",
    "learn_if_due",
    "let_go",
    "mark_of",
    "name_of",
    "take_in",
    "topics",
]
