"""Tasks that wait for each other: rings of them, and what helps a task that waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from events.ids import TaskState

# A task, what it waits for, what that waits for … and the task again.
Ring = tuple[str, ...]
Blockers = Callable[[str], Iterable[str]]

_MOST_NAMED = 12


def rings(task_id: str, blockers: Blockers) -> dict[str, Ring]:
    """For every task that is on a ring with `task_id`: the shortest ring from that task back to itself.

    `blockers`: the tasks that a task waits for and that are still open; nothing for one that is done or archived.
    """
    waits = _reachable(task_id, blockers)
    if not any(task_id in others for others in waits.values()):
        return {}
    followers: dict[str, list[str]] = {}
    for one, others in waits.items():
        for other in others:
            followers.setdefault(other, []).append(one)
    members = _reachable(task_id, lambda one: followers.get(one, ())).keys()
    return {one: _shortest(one, waits, members) for one in members}


def shown(ring: Sequence[str]) -> str:
    """`a → b → a`; the middle of a long one is left out."""
    if len(ring) > _MOST_NAMED:
        half = _MOST_NAMED // 2
        ring = [*ring[:half], f"… {len(ring) - 2 * half} more …", *ring[-half:]]
    return " → ".join(ring)


def remedy(blockers: Mapping[str, TaskState | None], unlanded: Sequence[str] = ()) -> str | None:
    """What would let a task start that waits for these; None where all of them are done. A state of None: there is no
    such task. A task that was done before it was archived counts as done. `unlanded`: those that are done and whose
    work is not part of the project's branch yet."""
    by_state: dict[TaskState | None, list[str]] = {}
    for task_id, state in blockers.items():
        by_state.setdefault(state, []).append(task_id)
    by_state.pop(TaskState.DONE, None)
    failed, archived, missing = (by_state.pop(state, []) for state in (TaskState.FAILED, TaskState.ARCHIVED, None))
    if failed:
        return f"{_names(failed)} failed: move {_them(failed)} back to todo, or take {_them(failed)} out of blocked_by."
    if archived:
        return f"{_names(archived)} {_was(archived)} archived undone: take {_them(archived)} out of blocked_by."
    if missing:
        return f"There is no task {_names(missing)}: take {_them(missing)} out of blocked_by."
    alive = [task_id for task_ids in by_state.values() for task_id in task_ids]
    if unlanded and not alive:
        return f"{_names(unlanded)} {_was(unlanded)} approved and not merged yet: merge {_them(unlanded)}."
    if not alive:
        return None
    return f"It starts by itself as soon as {_names(alive)} {'is' if len(alive) == 1 else 'are'} done."


def ring_remedy(ring: Ring) -> str:
    way = f"Each of these tasks waits for the next: {shown(ring)}."
    return f"{way} Take one of them out of the blocked_by of the one before it."


def _reachable(start: str, following: Blockers) -> dict[str, tuple[str, ...]]:
    """Every task that can be reached, with what follows it."""
    found: dict[str, tuple[str, ...]] = {}
    queue = deque([start])
    while queue:
        one = queue.popleft()
        if one not in found:
            found[one] = tuple(following(one))
            queue.extend(found[one])
    return found


def _shortest(task_id: str, waits: Mapping[str, Sequence[str]], members: Collection[str]) -> Ring:
    """The shortest way from a task that is on a ring back to itself, within these."""
    came_from: dict[str, str] = {}
    queue = deque([task_id])
    while queue:
        one = queue.popleft()
        for other in waits[one]:
            if other == task_id:
                way = [one]
                while way[-1] != task_id:
                    way.append(came_from[way[-1]])
                return (*reversed(way), task_id)
            if other in members and other not in came_from:
                came_from[other] = one
                queue.append(other)
    raise ValueError(f"{task_id} is on no ring")


def _names(task_ids: Sequence[str]) -> str:
    return ", ".join(task_ids)


def _them(task_ids: Sequence[str]) -> str:
    return "it" if len(task_ids) == 1 else "them"


def _was(task_ids: Sequence[str]) -> str:
    return "was" if len(task_ids) == 1 else "were"
