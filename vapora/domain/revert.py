"""Cards for which VAPORA itself takes back what other cards landed.

Such a card is an ordinary one, whose assignee is VAPORA for as long as VAPORA does it. Its work is reviewed and lands
as any other's. Where it cannot be made the card fails and says what a person is to do; moved back to To do it is tried
again, and without its assignee an agent takes it.
"""

from __future__ import annotations

from events.base import DomainEvent
from events.ids import Review, TaskState
from events.task import TaskArchived, TaskCompleted, TaskFailed, TaskSentToReview
from events.work import Work
from vapora.domain.task_state import Task

# No person's name: those are addresses, or ids that begin with `user:`.
ASSIGNEE = "vapora"
_NO_RUN = ""
_OTHERWISE = (
    "Archive this card once that is done. Moved back to To do, VAPORA tries it again; without its assignee, an agent "
    "takes it."
)

Events = tuple[DomainEvent, ...]


def is_to_do(task: Task) -> bool:
    return bool(task.reverts) and task.state is TaskState.TODO and task.assignee == ASSIGNEE and not task.paused


def made(task: Task, work: Work | None) -> Events:
    """`work` None: nothing was left to take back."""
    if work is None or task.review is Review.NONE:
        return (TaskCompleted(task_id=task.id, run_id=_NO_RUN, work=work),)
    # No agent made it, so that none could be asked to mend it: a person looks at it.
    return (TaskSentToReview(task_id=task.id, run_id=_NO_RUN, reviewer=Review.HUMAN, work=work),)


def not_made(task: Task, why: str) -> Events:
    return (TaskFailed(task_id=task.id, run_id=_NO_RUN, reason=f"{why} {_OTHERWISE}"),)


def never_lands(task: Task) -> Events:
    """Of a card that was done and whose work is not part of the base branch: it does not become so any more."""
    if task.state is not TaskState.DONE or task.is_landed:
        return ()
    comment = "Its workflow was undone before its work landed."
    return (TaskArchived(task_id=task.id, from_state=task.state, comment=comment),)
