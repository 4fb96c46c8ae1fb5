"""What a connected tracker is."""

from __future__ import annotations

from dataclasses import dataclass

from events.base import DomainEvent
from events.tracker import ImportRequested, IssueWanted, TrackerRemoved, TrackerSet
from vapora.commands import ImportIssues, RemoveTracker, SetTracker
from vapora.domain.tracker.remote import RemoteIssue
from vapora.errors import ConflictError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
MOST_TRACKERS = 20
GITHUB_API = "https://api.github.com"
ACTOR = "tracker:"


def actor_of(tracker_id: str) -> str:
    """As the log names who brought something in."""
    return f"{ACTOR}{tracker_id}"


def is_tracker(actor: str) -> bool:
    return actor.startswith(ACTOR)


@dataclass(frozen=True, slots=True)
class Tracker:
    set: TrackerSet
    removed: bool = False

    @property
    def id(self) -> str:
        return self.set.tracker_id

    @property
    def works(self) -> bool:
        return self.set.enabled and not self.removed

    def wants(self, issue: RemoteIssue) -> bool:
        """Whether a card is made of it unasked. Labels are given by who may sort issues, which is not anybody."""
        if issue.is_pull or issue.state != "open":
            return False
        return not self.set.labels or not set(self.set.labels).isdisjoint(issue.labels)

    def place(self, number: str) -> str:
        """As people write it: `acme/app#7`, or `APP-7`."""
        return f"{self.set.remote}#{number}" if self.set.kind == "github" else number


def decide(
    state: Tracker | None, command: SetTracker | RemoveTracker | ImportIssues, tracker_id: str
) -> tuple[DomainEvent, ...]:
    """Raises `NotFoundError`, and `ConflictError` for one that would become another tracker's: issues that are linked
    belong to the one they are of."""
    if isinstance(command, RemoveTracker):
        require(state, tracker_id)
        return (TrackerRemoved(tracker_id=tracker_id),)
    if isinstance(command, ImportIssues):
        require_working(state, tracker_id)
        return (ImportRequested(tracker_id=tracker_id, numbers=tuple(dict.fromkeys(command.numbers))),)
    said = command.model_dump()
    said["url"] = command.url or GITHUB_API
    said["webhook_secret"] = command.webhook_secret or ""
    event = TrackerSet(tracker_id=tracker_id, **said)
    if state is not None:
        if state.set == event and not state.removed:
            return ()
        before = (state.set.kind, state.set.url, state.set.remote)
        if before != (event.kind, event.url, event.remote):
            raise ConflictError(
                f"'{tracker_id}' is connected to {state.set.remote} of {state.set.url}, and its links are of there.",
                remedy="Connect the other one under an id of its own.",
                tracker_id=tracker_id,
            )
    return (event,)


def evolve(state: Tracker | None, event: DomainEvent) -> Tracker | None:
    match event:
        case TrackerSet():
            return Tracker(event)
        case TrackerRemoved() if state is not None:
            return Tracker(state.set, removed=True)
        case _:
            return state


def require(state: Tracker | None, tracker_id: str) -> Tracker:
    if state is None or state.removed:
        raise NotFoundError(f"There is no tracker '{tracker_id}'.", remedy="List the trackers.")
    return state


def require_working(state: Tracker | None, tracker_id: str) -> Tracker:
    tracker = require(state, tracker_id)
    if not tracker.works:
        raise ConflictError(f"The tracker '{tracker_id}' is switched off.", remedy="Switch it on first.")
    return tracker


def require_room(count: int) -> None:
    if count >= MOST_TRACKERS:
        raise ConflictError(f"A workspace has {MOST_TRACKERS} trackers at most.", remedy="Remove one.")


def want_issue(state: Tracker | None, tracker_id: str, task_id: str, project_id: str) -> tuple[DomainEvent, ...]:
    """An issue is to be made of the card. Raises `NotFoundError`, `ConflictError`."""
    tracker = require_working(state, tracker_id)
    if tracker.set.project_id != project_id:
        raise ConflictError(
            f"The tracker '{tracker_id}' is connected to another project than the card's.",
            remedy="Name a tracker of the card's project.",
            project_id=tracker.set.project_id,
        )
    return (IssueWanted(tracker_id=tracker_id, task_id=task_id),)
