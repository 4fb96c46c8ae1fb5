"""How things are called in NATS, and what the streams are like (R14)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from events.ids import DEFAULT_WORKSPACE
from vapora.errors import ConfigurationError

# Beyond this the same offer published twice would stand twice in the queue, where the second one is taken for stale.
_DUPLICATES_S = 600
# A mirror of a working team for months; the oldest go first, and the newest always stays: it is the checkpoint.
_MIRROR_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Names:
    """Of one workspace."""

    workspace: str

    @property
    def tasks(self) -> str:
        """The stream of offers: a work queue, so what was acknowledged is gone."""
        return f"VAPORA_TASKS_{self.workspace}"

    @property
    def dead(self) -> str:
        """The stream in which the server itself notes what it gave up: nobody need be there to hear it."""
        return f"VAPORA_DEAD_{self.workspace}"

    @property
    def events(self) -> str:
        return f"VAPORA_EVENTS_{self.workspace}"

    @property
    def offers(self) -> str:
        """All subjects under which tasks are offered."""
        return f"{self._prefix}tasks.*.*"

    @property
    def checkpoint(self) -> str:
        """The subject, in the stream of offers, whose last message says up to where the log was offered."""
        return f"vapora.relay.{self.workspace}"

    @property
    def advisories(self) -> str:
        return f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{self.tasks}.*"

    def event(self, topic: str) -> str:
        return f"vapora.events.{self.workspace}.{topic}"

    def durable(self, subject: str) -> str:
        """The consumer of one subject: a work queue lets no two overlap."""
        return subject.removeprefix(f"{self._prefix}tasks.").replace(".", "-")

    @property
    def _prefix(self) -> str:
        return "" if self.workspace == DEFAULT_WORKSPACE else f"{self.workspace}."


async def make_queue(js: JetStreamContext, names: Names) -> str:
    """The streams of the queue, where they are not there yet. Those that are may have been tuned: they stay.

    Gives when the stream of offers was made: where that is another time than before, what it held before is lost.
    """
    tasks = await _make(
        js,
        name=names.tasks,
        description="VAPORA: tasks to be done",
        subjects=[names.offers, names.checkpoint],
        retention=api.RetentionPolicy.WORK_QUEUE,
        duplicate_window=_DUPLICATES_S,
        allow_rollup_hdrs=True,
    )
    await _make(
        js,
        name=names.dead,
        description="VAPORA: offers that were delivered too often",
        subjects=[names.advisories],
        retention=api.RetentionPolicy.LIMITS,
    )
    return tasks.created.isoformat() if tasks.created else ""


async def make_mirror(js: JetStreamContext, names: Names) -> None:
    await _make(
        js,
        name=names.events,
        description="VAPORA: the log, for others to follow",
        subjects=[names.event(">")],
        retention=api.RetentionPolicy.LIMITS,
        max_bytes=_MIRROR_BYTES,
        # Order and uniqueness are kept by the expected sequence; a purged mirror must be refilled at once.
        duplicate_window=0.1,
    )


async def remove_streams(js: JetStreamContext, names: Names) -> None:
    """All that a workspace has in NATS; what is not there is gone already."""
    for stream in (names.tasks, names.dead, names.events):
        with suppress(NotFoundError):
            await js.delete_stream(stream)


async def _make(js: JetStreamContext, **config: Any) -> api.StreamInfo:
    name, wanted = config["name"], config["subjects"]
    try:
        info = await js.stream_info(name)
    except NotFoundError:
        return await js.add_stream(api.StreamConfig(storage=api.StorageType.FILE, **config))
    found = info.config
    if found.retention != config["retention"] or not _covers(found.subjects or [], wanted):
        raise ConfigurationError(
            f"The stream {name} in NATS is of another make: retention {found.retention}, subjects {found.subjects}.",
            remedy=f"Delete it, or set retention {config['retention'].value} and the subjects {', '.join(wanted)}.",
        )
    return info


def _covers(has: Sequence[str], wanted: Sequence[str]) -> bool:
    return set(wanted) <= set(has)
