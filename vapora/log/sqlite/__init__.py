"""A workspace's log in one SQLite file."""

from vapora.log.sqlite.log import SQLiteLog

__all__ = ["SQLiteLog"]
