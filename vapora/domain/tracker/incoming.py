"""What something on the other side means for a card: commands for it, and what is remembered of it.

A webhook or a look says where something may be new; what is there now decides. So it does not matter in which order
news arrive, or how often.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from events.ids import TaskState
from events.tracker import TrackerReceived
from vapora.commands import CommentTask, EditTask, MoveTask, SubmitTask
from vapora.domain.task_state import Task
from vapora.domain.tracker import mapping, outside
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.link import Link
from vapora.domain.tracker.marker import reference_in
from vapora.domain.tracker.remote import RemoteComment, RemoteIssue, RemotePull

_LONGEST_COMMENT = 60_000
# Of an issue that becomes a card: what was said last.
MOST_EARLIER_COMMENTS = 50
_GONE = (TaskState.DONE, TaskState.ARCHIVED)


@dataclass(frozen=True, slots=True)
class Merged:
    """The pull request became part of its base branch, with just the commit that the card ends with."""

    head: str
    branch: str
    oid: str
    by: str


CardCommand = CommentTask | EditTask | MoveTask | Merged


@dataclass(frozen=True, slots=True)
class Meaning:
    """`fresh`: a card is made; else `commands` for the one that is linked. `received`: what is remembered."""

    commands: tuple[CardCommand, ...] = ()
    received: tuple[TrackerReceived, ...] = ()
    fresh: SubmitTask | None = None


NOTHING = Meaning()


def card_of(tracker: Tracker, issue: RemoteIssue) -> SubmitTask:
    """A card as it is made of an issue."""
    said: dict[str, Any] = {
        "project_id": tracker.set.project_id,
        "title": mapping.title_of(issue),
        "description": mapping.text_of(issue),
        "review": tracker.set.review,
        "labels": mapping.labels_of(issue),
        "context": outside.context(tracker.set.kind, tracker.place(issue.number), issue.url, issue.author),
    }
    if (type_ := mapping.type_of(issue)) is not None:
        said["type"] = type_
    if (priority := mapping.priority_of(issue)) is not None:
        said["priority"] = priority
    return SubmitTask(**said)


def of_issue(tracker: Tracker, link: Link | None, issue: RemoteIssue, task: Task | None, *, asked: bool) -> Meaning:
    """`task`: the card that `link` names. `asked`: somebody wants it as a card, whatever labels it bears."""
    if link is None or task is None:
        # One that we make carries our reference: its link may not be recorded yet.
        wanted = (tracker.wants(issue) and reference_in(issue.body) is None) or (asked and not issue.is_pull)
        return Meaning(fresh=card_of(tracker, issue)) if wanted else NOTHING
    if link.digest == issue.digest and link.state == issue.state:
        return NOTHING
    if link.state == "closed" and issue.state == "open" and task.state in _GONE:
        # What is finished stays finished.
        return Meaning(fresh=card_of(tracker, issue))
    commands: list[CardCommand] = []
    if link.digest != issue.digest and task.state is not TaskState.ARCHIVED:
        commands += _changed(tracker, link, issue, task)
    if link.state != issue.state:
        commands += _turned(tracker, issue, task)
    return Meaning(tuple(commands), (_seen(link, "issue", issue.number, issue.digest, issue.state, issue.author),))


def _changed(tracker: Tracker, link: Link, issue: RemoteIssue, task: Task) -> list[CardCommand]:
    if link.made == "issue":
        # The card was here first, so it is not rewritten from outside.
        said = f"The issue was changed. It now reads: {issue.title}\n\n{mapping.text_of(issue)}"
        return [_comment(tracker, issue.number, issue.author, said)]
    if task.state is TaskState.DONE:
        return []
    wanted = {
        "title": mapping.title_of(issue),
        "description": mapping.text_of(issue),
        "labels": mapping.labels_of(issue),
        "type": mapping.type_of(issue),
        "priority": mapping.priority_of(issue),
    }
    changed = {name: value for name, value in wanted.items() if value is not None and value != getattr(task, name)}
    return [EditTask(**changed)] if changed else []


def _turned(tracker: Tracker, issue: RemoteIssue, task: Task) -> list[CardCommand]:
    place = tracker.place(issue.number)
    if issue.state == "closed":
        if task.state in (TaskState.TODO, TaskState.FAILED):
            return [MoveTask(state=TaskState.ARCHIVED, comment=f"{place} was closed.")]
        if task.state is TaskState.DONE:
            return []
        return [_comment(tracker, issue.number, "", "The issue was closed. What is under way here goes on.")]
    if task.state is TaskState.FAILED:
        return [MoveTask(state=TaskState.TODO, comment=f"{place} was opened again.")]
    return []


def of_comments(tracker: Tracker, link: Link, comments: Iterable[RemoteComment], task: Task, workspace: str) -> Meaning:
    """Those that are new, or were changed; not our own."""
    commands: list[CardCommand] = []
    received: list[TrackerReceived] = []
    for one in comments:
        before = link.received.get(one.key)
        if before == one.digest or _is_ours(link, one, workspace):
            continue
        received.append(_seen(link, one.thing, one.id, one.digest, "", one.author))
        if task.state is TaskState.ARCHIVED:
            continue
        said = one.text.strip()
        if one.verdict:
            said = f"Review: {one.verdict.replace('_', ' ').lower()}. {said}".strip()
        if not said:
            continue
        if before is not None:
            said = f"(changed) {said}"
        commands.append(_comment(tracker, link.number, one.author, said, one.path, one.line))
    return Meaning(tuple(commands), tuple(received))


def _is_ours(link: Link, one: RemoteComment, workspace: str) -> bool:
    """By its id; or, where the id was not recorded yet, by its reference."""
    ref = reference_in(one.text)
    return one.key in link.sent or (ref is not None and ref.startswith(f"vapora:{workspace}/"))


def of_pull(tracker: Tracker, link: Link, pull: RemotePull, task: Task) -> Meaning:
    if link.digest == pull.digest and link.state == pull.state:
        return NOTHING
    received = (_seen(link, "pull", pull.number, pull.digest, pull.state, pull.merged_by or pull.author),)
    if link.state == pull.state or task.state is TaskState.ARCHIVED:
        return Meaning(received=received)
    if pull.state != "merged":
        said = "The pull request was closed." if pull.state == "closed" else "The pull request was opened again."
        return Meaning((_comment(tracker, pull.number, "", said),), received)
    same = pull.head == task.head
    said = f"The pull request was merged into {pull.base}, as {pull.merged_as[:12]}."
    if not same:
        said += f" What was merged ends with {pull.head[:12]}, not with what the card has."
    commands: list[CardCommand] = [_comment(tracker, pull.number, pull.merged_by, said)]
    if same and (task.state is TaskState.REVIEW or task.to_land):
        commands.append(Merged(pull.head, pull.base, pull.merged_as, pull.merged_by))
    return Meaning(tuple(commands), received)


def _comment(
    tracker: Tracker, number: str, author: str, text: str, path: str = "", line: int | None = None
) -> CommentTask:
    said = outside.marked(author, tracker.place(number), text)[:_LONGEST_COMMENT].replace("\x00", "")
    return CommentTask(text=said, path=path or None, line=line if path else None)


def _seen(
    link: Link,
    thing: Literal["issue", "pull", "comment", "review", "line"],
    remote_id: str,
    digest: str,
    state: Literal["", "open", "closed", "merged"],
    author: str,
) -> TrackerReceived:
    return TrackerReceived(
        tracker_id=link.tracker_id,
        task_id=link.task_id,
        number=link.number,
        thing=thing,
        remote_id=remote_id,
        digest=digest,
        state=state,
        author=author,
    )
