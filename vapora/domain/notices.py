"""What people are told of: each notice, the events that it comes from, and what it says.

A text is data that agents and strangers have written. It is filled into templates that know `$name` and nothing else
(`string.Template`): no template can compute, and nothing that is filled in is looked at as a template.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from string import Template

from events import DomainEvent, agent, budget, run, schedule, task, workflow
from events.ids import Tier
from vapora.domain.budget_status import dollars
from vapora.errors import BadInputError

EVERY = "*"
SAMPLE = "sample"
_SAMPLE_TEXT = "This is a sample: VAPORA reaches you here from the workspace $workspace."
# Shorter than what any of the channels takes.
_LONGEST = 1_800
_LONGEST_VALUE = 400

# By the events that it is told of (B6, B11, B5), and what it says where nobody has set another text.
_TABLE: dict[str, tuple[tuple[type[DomainEvent], ...], str]] = {
    "task-done": ((task.TaskCompleted,), "Done: $task_title"),
    "task-review": ((task.TaskSentToReview,), "Waits for a review: $task_title"),
    "task-failed": ((task.TaskFailed,), "Failed: $task_title. $reason"),
    "plan-proposed": ((run.RunSucceeded,), "A plan waits for a decision: $task_title"),
    "question": ((run.QuestionAsked,), "$agent_id asks about $task_title: $text"),
    "review-decided": ((task.TaskApproved, task.TaskRejected), "$task_title was $decision by $actor. $comment"),
    "workflow-completed": ((workflow.WorkflowRunCompleted,), "Completed: $workflow"),
    "workflow-failed": ((workflow.WorkflowRunFailed,), "Failed: $workflow. $reason"),
    "workflow-cancelled": ((workflow.WorkflowRunCancelled,), "Cancelled: $workflow. $reason"),
    "approval-required": (
        (workflow.ApprovalRequested, workflow.ApprovalReminded, workflow.ApprovalEscalated),
        "An approval is wanted in $workflow, stage $stage. $title",
    ),
    "approval-decided": ((workflow.ApprovalDecided,), "$workflow, stage $stage: $decision by $actor. $comment"),
    "stage-completed": ((workflow.StageCompleted,), "$workflow: the stage $stage is completed"),
    "stage-failed": ((workflow.StageFailed,), "$workflow: the stage $stage failed. $reason"),
    "agent-inactive": ((agent.AgentDisabled, agent.AgentRemoved), "The agent $agent_id takes no more work"),
    "budget-alert": ((budget.TierChanged,), "The budget of $scope $scope_id is $tier: $spent of $limit in $window"),
    "schedule-refused": ((schedule.ScheduleSkipped,), "The schedule $schedule_id could not begin its work. $reason"),
}
NOTICES = tuple(_TABLE)
_OF_TOPIC = {kind.TOPIC: name for name, (kinds, _) in _TABLE.items() for kind in kinds}
# What a template may name. What an event has not is empty.
NAMES = (
    *("workspace", "notice", "at", "actor", "link", "task_id", "task_title", "project_id", "workflow_run_id"),
    *("workflow", "stage", "title", "text", "comment", "decision", "reason", "agent_id", "scope", "scope_id"),
    *("tier", "spent", "limit", "window", "schedule_id"),
)


def check(notices: Collection[str], templates: Mapping[str, str]) -> None:
    """Raises `BadInputError` for a notice that there is not, and for a template that names what there is not."""
    for name in (*notices, *templates):
        if name not in NOTICES and name != EVERY:
            raise BadInputError(
                f"There is no notice '{name}'.",
                remedy=f"There are: {', '.join(NOTICES)}; and * for all.",
                field="notices",
            )
    for name, text in templates.items():
        template = Template(text)
        unknown = sorted(set(template.get_identifiers()) - set(NAMES)) if template.is_valid() else ["$"]
        if unknown:
            raise BadInputError(
                f"The template of '{name}' names what there is not: {', '.join(unknown)}.",
                remedy=f"There are: {', '.join('$' + one for one in NAMES)}; a dollar itself is $$.",
                field="templates",
            )


def topics_of(notices: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(topic for topic, name in _OF_TOPIC.items() if name in notices or EVERY in notices))


def notice_of(event: DomainEvent) -> str | None:
    """None: it is nothing to tell people, though its topic may be."""
    if isinstance(event, schedule.ScheduleSkipped) and event.reason != "refused":
        return None
    if isinstance(event, budget.TierChanged) and event.tier is Tier.NORMAL:
        return None
    # Whether it is the planning card of a plan is known to who can ask the log.
    if isinstance(event, run.RunSucceeded) and (event.role, event.task_type) != ("project-manager", "planning"):
        return None
    return _OF_TOPIC.get(event.TOPIC)


def facts(event: DomainEvent) -> dict[str, str]:
    """What the event itself says, by the names of templates."""
    said = event.model_dump(mode="json")
    found = {name: said[name] for name in NAMES if isinstance(said.get(name), str)}
    match event:
        case budget.TierChanged():
            found |= {"spent": dollars(event.spent_microusd), "limit": dollars(event.limit_microusd)}
        case schedule.ScheduleSkipped():
            found["reason"] = event.detail
        case run.QuestionAsked():
            found["text"] = event.question
        case task.TaskApproved():
            found["decision"] = "approved"
        case task.TaskRejected():
            found["decision"] = "sent back"
        case workflow.ApprovalDecided():
            found["decision"] = "approved" if event.decision == "approve" else "rejected"
    return found


def text(notice: str, values: Mapping[str, str], templates: Mapping[str, str]) -> str:
    """In one piece, of bounded length, with the link at its end unless the template has it elsewhere."""
    own = templates.get(notice) or templates.get(EVERY)
    template = own or (_SAMPLE_TEXT if notice == SAMPLE else _TABLE[notice][1])
    filled = {name: _clean(values.get(name, "")) for name in NAMES}
    said = Template(template).substitute(filled).strip()[:_LONGEST]
    link = filled["link"]
    return said if own or not link else f"{said}\n{link}"


def _clean(value: str) -> str:
    """One line without control characters: what was written on a card must not look like another message."""
    return " ".join("".join(one if one.isprintable() else " " for one in value).split())[:_LONGEST_VALUE]
