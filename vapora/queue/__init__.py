"""Work that waits to be taken: one protocol, from the log itself or through NATS JetStream."""

from vapora.queue.base import DeadLetter, QueueStatus, TaskOffer, TaskQueue

__all__ = ["DeadLetter", "QueueStatus", "TaskOffer", "TaskQueue"]
