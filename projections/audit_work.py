"""What the events of workflows, schedules, documents, channels and budgets' tiers mean to an auditor.

Left out: what only repeats the cards' own events, and reminders, which change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events import (
    DomainEvent,
    agent,
    budget,
    channel,
    document,
    documentation,
    package,
    schedule,
    tool_server,
    tracker,
    workflow,
)
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


def _tried(event: tool_server.ToolTried) -> str:
    return (
        f"arguments {event.arguments_sha256[:12]}, {event.result_bytes} bytes in {event.duration_ms} ms, "
        f"{event.cost_microusd} micro-dollars"
    )


def _documentation(event: documentation.DocumentationRuleSet) -> AuditLine:
    where = ("project", event.project_id) if event.project_id else ("settings", "documentation")
    return AuditLine(
        "update", *where, details=f"finished cards are documented: {event.rule or 'as the workspace says'}"
    )


def _stage(event: Any) -> str:
    return f"stage {event.stage}: {event.reason}" if event.reason else f"stage {event.stage}"


def _accepted(event: package.PackageInstalled | package.PackageUpgraded) -> str:
    """What a person accepted, by the names of what it may use."""
    may = "; ".join(f"{what}: {_words(one)}" for what, one in sorted(event.may.items()) if one)
    return f"version {event.version} from {event.source}, digest {event.digest[:12]}" + (f"; {may}" if may else "")


def _words(one: Any) -> str:
    return ", ".join(map(str, one)) if isinstance(one, list | tuple) else str(one)


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
    document.DocumentCreated: rule("create", "document", "document_id", lambda event: event.title),
    document.DocumentEdited: rule("update", "document", "document_id", lambda event: f"version {event.version}"),
    document.DocumentPublished: rule(
        "update", "document", "document_id", lambda event: f"version {event.version} published"
    ),
    document.DocumentArchived: rule("update", "document", "document_id", lambda event: f"archived {event.reason}"),
    document.DocumentRestored: rule("update", "document", "document_id", lambda event: "restored"),
    document.DocumentMerged: rule("update", "document", "document_id", lambda event: f"merged into {event.into}"),
    document.DocumentRemoved: rule("delete", "document", "document_id", lambda event: event.reason),
    documentation.DocumentationRuleSet: _documentation,
    documentation.DocumentationRequested: rule(
        "create", "task", "task_id", lambda event: f"documents {', '.join(event.of_tasks)}"
    ),
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
    tool_server.ToolTried: lambda event: AuditLine(
        "execute", "tool", event.tool, "success" if event.ok else "failure", _tried(event)
    ),
    channel.ChannelRemoved: rule("delete", "channel", "channel_id"),
    tracker.TrackerSet: rule("update", "tracker", "tracker_id", lambda event: f"{event.kind}: {event.remote}"),
    tracker.TrackerRemoved: rule("delete", "tracker", "tracker_id"),
    tracker.ImportRequested: rule(
        "execute", "tracker", "tracker_id", lambda event: f"import {', '.join(event.numbers) or 'all open issues'}"
    ),
    tracker.IssueWanted: rule("execute", "tracker", "tracker_id", lambda event: f"an issue of {event.task_id}"),
    tracker.IssueLinked: rule("create", "task", "task_id", lambda event: f"issue {event.number}: {event.url}"),
    tracker.PullLinked: rule("create", "task", "task_id", lambda event: f"pull request {event.number}: {event.url}"),
    tracker.TrackerReceived: rule(
        "execute", "task", "task_id", lambda event: f"{event.thing} of {event.number} by {event.author or 'somebody'}"
    ),
    tracker.TrackerSent: rule("execute", "task", "task_id", lambda event: f"{event.thing} to {event.number}"),
    tracker.TrackerRefused: rule("execute", "task", "task_id", lambda event: event.reason, "failure"),
    agent.AgentRoleFollowed: rule(
        "update",
        "agent",
        "agent_id",
        lambda event: (
            "as its role says now: "
            + ", ".join(name for name in event.model_dump(exclude_none=True) if name != "agent_id")
        ),
    ),
    agent.AgentEquipped: rule(
        "update", "agent", "agent_id", lambda event: f"{event.equipment.package} {event.equipment.version}"
    ),
    package.PackageInstalled: rule("create", "package", "package_id", _accepted),
    package.PackageUpgraded: rule("update", "package", "package_id", _accepted),
    package.PackageConfigured: rule(
        "update", "package", "package_id", lambda event: ", ".join(sorted(event.config)) or "as its manifest says"
    ),
    package.PackageRemoved: rule("delete", "package", "package_id"),
    budget.TierChanged: rule(
        "update", "budget", "scope_id", lambda event: f"{event.scope.value}: {event.tier.value} in {event.window}"
    ),
}
