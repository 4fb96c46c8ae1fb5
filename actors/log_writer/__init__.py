"""The log writer is the only writer of a workspace's log."""

from actors.log_writer.writer import LogWriter

__all__ = ["LogWriter"]
