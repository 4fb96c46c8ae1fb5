"""A workspace's log in one SQLite file."""

from vapora.log.sqlite.errors import translate_errors
from vapora.log.sqlite.log import SQLiteLog

__all__ = ["SQLiteLog", "translate_errors"]
