"""What a command names, looked up in the log: whether it is there, and whether a blocker would close a ring."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from events.ids import StreamName, project_stream, run_stream, task_stream
from vapora.commands import RecordRelation
from vapora.domain import dependencies
from vapora.domain.task_state import Task
from vapora.errors import NotFoundError
from vapora.log.client import LogClient
from vapora.log.folds import StreamFolds

_LOOKED_AT_ONCE = 100


async def require_tasks(log: LogClient, ids: Iterable[str]) -> None:
    """`NotFoundError` for the first that is not there."""
    for task_id in ids:
        await _require(log, "task", task_id, task_stream(task_id))


async def require_named(log: LogClient, command: RecordRelation) -> None:
    """What a cause speaks of is there: `NotFoundError` for the first that is not."""
    if command.project_id is not None:
        await _require(log, "project", command.project_id, project_stream(command.project_id))
    if command.task_id is not None:
        await _require(log, "task", command.task_id, task_stream(command.task_id))
    for run_id in filter(None, (command.run_id, command.solved_by)):
        await _require(log, "run", run_id, run_stream(run_id))


async def _require(log: LogClient, what: str, id_: str, stream: StreamName) -> None:
    if not await log.first(stream):
        raise NotFoundError(f"There is no {what} '{id_}'.", remedy="Check the id.", **{f"{what}_id": id_})


async def ring_through(
    task_id: str, added: Collection[str], tasks: StreamFolds[Task]
) -> tuple[dependencies.Ring | None, dict[StreamName, int]]:
    """The ring that new blockers would close, and the versions of the tasks that were looked at: an edit of one of
    them at the same moment is a conflict, and both are decided one after the other."""
    waits: dict[str, tuple[str, ...]] = {task_id: tuple(added)}
    versions: dict[StreamName, int] = {}
    ahead = set(added) - {task_id}
    while ahead:
        # So many at once: each is a call to the log's writer.
        batch = sorted(ahead)[:_LOOKED_AT_ONCE]
        states = await asyncio.gather(*(tasks.load(task_stream(one)) for one in batch))
        for one, found in zip(batch, states, strict=True):
            is_over = found.state is None or found.state.is_over
            waits[one] = () if is_over or found.state is None else found.state.blocked_by
            if not is_over:
                versions[task_stream(one)] = found.version
            ahead |= set(waits[one])
        ahead -= waits.keys()
    return dependencies.rings(task_id, lambda one: waits[one]).get(task_id), versions
