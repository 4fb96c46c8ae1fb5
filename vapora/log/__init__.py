"""The log: the only room that knows `eventsourcing`."""

from vapora.log.client import Change, LogClient, Polled
from vapora.log.event_log import EventLog
from vapora.log.mapper import encode, open_record
from vapora.log.memory import MemoryLog

__all__ = ["Change", "EventLog", "LogClient", "MemoryLog", "Polled", "encode", "open_record"]
