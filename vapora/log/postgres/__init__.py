"""A workspace's log in a PostgreSQL schema."""

from vapora.log.postgres.log import PostgresLog

__all__ = ["PostgresLog"]
