"""Finding things: an index of texts for each workspace, behind one contract over SQLite and PostgreSQL.

`SearchReader` looks, `IndexWriter` writes; `sources` says which events put what into it.
"""

from vapora.search.changes import Change, Drop, Handlers, Known, Put
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
    "Put",
    "SearchReader",
    "mark_of",
    "take_in",
    "topics",
]
