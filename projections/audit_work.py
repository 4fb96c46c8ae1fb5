"""What the events of workflows, schedules, channels and budgets' tiers mean to an auditor.

Left out: what only repeats the cards' own events, and reminders, which change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events import DomainEvent, budget, channel, schedule, tool_server, workflow
from projections.audit_line import AuditLine, rule


def _decided(event: workflow.ApprovalDecided) -> str:
    said = f": {event.comment}" if event.comment else ""
    return f"stage {event.stage}, {event.decision} of what had the digest {event.seen[:12]}{said}"


def _fired(event: schedule.ScheduleFired) -> str:
    due = "by hand" if event.due_at is None else f"due {event.due_at.isoformat()}"
    return f"{due}: {event.task_id or event.workflow_run_id}"


def _server(event: tool_server.ToolServerSet) -> str:
    """What may be run or reached; secrets by their names alone."""
    match event.transport:
        case tool_server.StdioTransport(command=command, network=network):
            how = f"{' '.join(command)[:300]}{', with the network' if network else ''}"
        case tool_server.HttpTransport(url=url):
            how = url
        case _:
            how = "built in"
    return f"{how}; for {', '.join(event.roles) or 'no role'}{'' if event.enabled else '; switched off'}"


def _stage(event: Any) -> str:
    return f"stage {event.stage}: {event.reason}" if event.reason else f"stage {event.stage}"


WORK_RULES: Mapping[type[DomainEvent], Callable[[Any], AuditLine]] = {
    workflow.WorkflowDefined: rule("update", "workflow", "workflow_id", lambda event: f"version {event.number}"),
    workflow.WorkflowRemoved: rule("delete", "workflow", "workflow_id"),
    workflow.WorkflowRunStarted: rule(
        "execute", "workflow-run", "workflow_run_id", lambda event: f"{event.workflow_id}, version {event.number}"
    ),
    workflow.WorkflowRunPaused: rule("update", "workflow-run", "workflow_run_id", lambda event: event.reason),
    workflow.WorkflowRunResumed: rule("update", "workflow-run", "workflow_run_id", lambda event: "resumed"),
    workflow.WorkflowRunEnding: rule(
        "update", "workflow-run", "workflow_run_id", lambda event: f"will be {event.state}: {event.reason}"
    ),
    workflow.WorkflowRunCompleted: rule("complete", "workflow-run", "workflow_run_id"),
    workflow.WorkflowRunFailed: rule(
        "complete", "workflow-run", "workflow_run_id", lambda event: event.reason, "failure"
    ),
    workflow.WorkflowRunCancelled: rule(
        "complete", "workflow-run", "workflow_run_id", lambda event: event.reason, "partial-success"
    ),
    workflow.StageCompleted: rule("complete", "workflow-run", "workflow_run_id", lambda event: f"stage {event.stage}"),
    workflow.StageFailed: rule("complete", "workflow-run", "workflow_run_id", _stage, "failure"),
    workflow.StageRetried: rule("execute", "workflow-run", "workflow_run_id", _stage),
    workflow.StageSkipped: rule("override", "workflow-run", "workflow_run_id", _stage),
    workflow.StageUndone: rule("execute", "workflow-run", "workflow_run_id", lambda event: f"undone: {_stage(event)}"),
    workflow.ApprovalRequested: rule("create", "approval", "approval_id", lambda event: event.title),
    workflow.ApprovalEscalated: rule(
        "assign", "approval", "approval_id", lambda event: f"escalated to {', '.join(event.roles)}"
    ),
    workflow.ApprovalWithdrawn: rule("delete", "approval", "approval_id", lambda event: str(event.cause)),
    workflow.ApprovalDecided: rule("complete", "approval", "approval_id", _decided),
    schedule.ScheduleSet: rule("update", "schedule", "schedule_id", lambda event: f"{event.cron} {event.zone}"),
    schedule.ScheduleFired: rule("execute", "schedule", "schedule_id", _fired),
    schedule.ScheduleSkipped: rule(
        "execute", "schedule", "schedule_id", lambda event: f"{event.reason} {event.detail}".strip(), "failure"
    ),
    schedule.ScheduleRemoved: rule("delete", "schedule", "schedule_id"),
    channel.ChannelSet: rule(
        "update", "channel", "channel_id", lambda event: f"{event.kind}: {', '.join(event.notices)}"
    ),
    channel.ChannelTested: rule(
        "execute", "channel", "channel_id", lambda event: event.error or f"answered with {event.status}"
    ),
    channel.ChannelResent: rule(
        "execute", "channel", "channel_id", lambda event: f"{len(event.positions)} dead letters sent again"
    ),
    tool_server.ToolServerSet: rule("update", "tool-server", "server_id", _server),
    tool_server.ToolServerRemoved: rule("delete", "tool-server", "server_id"),
    channel.ChannelRemoved: rule("delete", "channel", "channel_id"),
    budget.TierChanged: rule(
        "update", "budget", "scope_id", lambda event: f"{event.scope.value}: {event.tier.value} in {event.window}"
    ),
}
