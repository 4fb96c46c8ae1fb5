"""What each event means to an auditor: the action, the resource and the outcome (B8).

Left out are the reservations and settlements of single calls, which `vapora audit budget` proves, and what only orders
the board or tells a run's progress. Whatever is here can be found by who did it, on what, and when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events import (
    DomainEvent,
    access,
    agent,
    budget,
    knowledge,
    plan,
    project,
    routing,
    run,
    secret,
    task,
    user,
    webhook,
    workspace,
)
from events.ids import ChecksVerdict
from events.work import CommandResult
from projections.audit_line import AuditLine, rule
from projections.audit_people import PEOPLE_RULES
from projections.audit_work import WORK_RULES
from vapora.domain.answer import Verdict, judge


def _edited(event: DomainEvent) -> str:
    """The fields that an edit set, by name: what they hold stands in the event."""
    fields = event.model_dump(exclude_none=True)
    changed = [name for name in fields if not name.endswith("_id")]
    return f"changed {', '.join(changed)}"


def _limits(event: budget.BudgetSet) -> str:
    parts = {
        "month": event.monthly_limit_microusd,
        "week": event.weekly_limit_microusd,
        "lifetime": event.lifetime_limit_microusd,
    }
    said = [f"{name} {amount} micro-dollars" for name, amount in parts.items() if amount is not None]
    return f"{', '.join(said) or 'no limit'}; when exceeded: {event.when_exceeded.value}"


def _budget(event: budget.BudgetSet) -> AuditLine:
    return AuditLine("update", "budget", f"{event.scope.value}/{event.scope_id}", details=_limits(event))


def _refused(event: budget.SpendRefused) -> AuditLine:
    said = f"{event.amount_microusd} micro-dollars for {event.call_id} do not fit into {event.window}"
    return AuditLine("execute", "budget", f"{event.scope.value}/{event.scope_id}", "failure", said)


def _selected(event: routing.ProviderSelected) -> str:
    return f"{event.provider}/{event.model}: {event.fallback_reason or event.reason}"


def _called(event: run.ModelCalled) -> AuditLine:
    verdict = judge(event)
    details = f"{event.call_id}: {event.provider}/{event.model}, {event.cost_microusd} micro-dollars"
    if verdict is not Verdict.USABLE:
        details += f", {verdict.value} ({event.finish_detail or event.finish})"
    if event.usage_doubt:
        details += f", the worst case: {event.usage_doubt}"
    return AuditLine("execute", "run", event.run_id, "success" if verdict is Verdict.USABLE else "failure", details)


def _runs(event: agent.AgentSuspended) -> str:
    return ", ".join(f"{one.run_id} (stuck)" if one.stuck else one.run_id for one in event.runs) or "no run"


def _commands(results: tuple[CommandResult, ...]) -> str:
    return ", ".join(f"{one.name} ({one.ended or one.exit_code})" for one in results)


def _given(event: knowledge.ExecutionsGiven) -> str:
    named = ", ".join(one.run_id for one in event.given)
    return f"{'not told' if event.withheld else 'told'} of past executions: {named}"


def _landed(event: task.TaskLanded) -> AuditLine:
    """Past a red check, or none: a person took that upon themselves."""
    told = f"{event.head[:12]} became {event.oid[:12]} of {event.branch} ({event.strategy})"
    if event.forced:
        return AuditLine("override", "task", event.task_id, details=f"forced: {told}")
    return AuditLine("complete", "task", event.task_id, details=told)


def _denied(event: access.AccessDenied) -> AuditLine:
    kind, _, name = event.resource.partition("/")
    times = f", {event.count} times" if event.count > 1 else ""
    return AuditLine("deny", kind, name, "failure", f"{event.action}{times}: {event.reason}")


RULES: Mapping[type[DomainEvent], Callable[[Any], AuditLine]] = {
    **PEOPLE_RULES,
    **WORK_RULES,
    access.AccessDenied: _denied,
    access.AuditViewed: lambda event: AuditLine("view-audit", "audit", "trail", details=event.what),
    workspace.WorkspaceOpened: rule("create", "workspace", "workspace_id"),
    workspace.ClockCorrected: lambda event: AuditLine(
        "override", "clock", "clock", details=f"from {event.recorded_until} back to {event.corrected_to}"
    ),
    workspace.SettingsChanged: lambda event: AuditLine(
        "update",
        "settings",
        "workspace",
        details=f"name {event.name!r}, review {event.default_review.value}, priority {event.default_priority}"
        + f", runs at once {event.most_runs or 'unlimited'}"
        + "".join(f", {role} {most}" for role, most in sorted(event.most_runs_of.items()))
        + f", past executions kept {event.knowledge.details_days} days, in briefs {event.knowledge.in_briefs}"
        + f", vectors of search {event.search_vectors or 'as the installation has them'}",
    ),
    secret.SecretStored: rule("update", "secret", "name", lambda event: f"version {event.version}"),
    secret.SecretDeleted: rule("delete", "secret", "name", lambda event: f"up to version {event.version}"),
    secret.SecretUsed: rule(
        "query-secret", "secret", "name", lambda event: f"version {event.version} for {event.purpose}"
    ),
    secret.SecretRotated: lambda event: AuditLine(
        "update", "secrets", "workspace", details=f"encrypted by key {event.key} now: {event.secrets} versions"
    ),
    user.PreferencesChanged: rule("update", "preferences", "user_id"),
    webhook.WebhookSet: rule(
        "update", "webhook", "webhook_id", lambda event: f"{', '.join(event.topics)} to {event.url}"
    ),
    webhook.WebhookTested: rule(
        "execute", "webhook", "webhook_id", lambda event: event.error or f"answered with {event.status}"
    ),
    webhook.WebhookRemoved: rule("delete", "webhook", "webhook_id"),
    plan.PlanRequested: rule("create", "plan", "plan_id", lambda event: event.text[:500]),
    plan.PlanAccepted: rule("complete", "plan", "plan_id", lambda event: f"{len(event.task_ids)} cards"),
    plan.PlanDismissed: rule("delete", "plan", "plan_id", lambda event: event.reason),
    project.ProjectCreated: rule("create", "project", "project_id", lambda event: event.name),
    project.ProjectEdited: rule("update", "project", "project_id", _edited),
    project.ProjectArchived: rule("delete", "project", "project_id", lambda event: "archived"),
    project.ProjectFileAccepted: rule(
        "update", "project", "project_id", lambda event: f"its commands may be run: .vapora/project.toml {event.sha256}"
    ),
    project.ProjectPaused: rule("update", "project", "project_id", lambda event: f"paused {event.reason}".strip()),
    project.ProjectResumed: rule("update", "project", "project_id", lambda event: "resumed"),
    workspace.WorkspacePaused: lambda event: AuditLine(
        "update", "workspace", "workspace", details=f"paused {event.reason}".strip()
    ),
    workspace.WorkspaceResumed: lambda event: AuditLine("update", "workspace", "workspace", details="resumed"),
    agent.AgentRegistered: rule("create", "agent", "agent_id", lambda event: f"{event.name}, {event.role}"),
    agent.AgentEdited: rule("update", "agent", "agent_id", _edited),
    agent.AgentDisabled: rule("update", "agent", "agent_id", lambda event: f"disabled {event.reason}".strip()),
    agent.AgentEnabled: rule("update", "agent", "agent_id", lambda event: "enabled"),
    agent.AgentRemoved: rule("delete", "agent", "agent_id"),
    agent.AgentSuspended: rule(
        "update",
        "agent",
        "agent_id",
        lambda event: f"suspended: it {event.reason} ({event.misses} heartbeats missed), with {_runs(event)}",
        "failure",
    ),
    agent.AgentReadmitted: rule("update", "agent", "agent_id", lambda event: f"readmitted after {event.after_s} s"),
    agent.AgentDrainStarted: rule(
        "update",
        "agent",
        "agent_id",
        lambda event: (
            f"drained {event.reason}".strip() + (f", within {event.limit_s} s" if event.limit_s is not None else "")
        ),
    ),
    task.TaskSubmitted: rule("create", "task", "task_id", lambda event: event.title),
    task.TaskEdited: rule("update", "task", "task_id", _edited),
    task.TaskAssigned: rule("assign", "task", "task_id", lambda event: f"to {event.agent_id}: {event.reason}"),
    task.TaskHandedOver: rule("assign", "task", "task_id", lambda event: f"{event.reason}: {event.choice}"),
    task.TaskWaiting: rule("assign", "task", "task_id", lambda event: event.remedy, "failure"),
    task.TaskSentToReview: rule(
        "complete", "task", "task_id", lambda event: f"waits for review ({event.reviewer.value})", "partial-success"
    ),
    task.ReviewAssigned: rule(
        "assign", "task", "task_id", lambda event: f"review of {event.head[:12]} to {event.agent_id}: {event.reason}"
    ),
    task.ReviewSubmitted: rule(
        "execute",
        "task",
        "task_id",
        lambda event: (
            f"{event.agent_id}: {event.review.verdict} {event.review.head[:12]} {event.review.comment}".strip()
        ),
    ),
    task.TaskCompleted: rule("complete", "task", "task_id"),
    task.TaskFailed: rule("complete", "task", "task_id", lambda event: event.reason, "failure"),
    task.TaskReleased: rule("update", "task", "task_id", lambda event: f"released: {event.reason}"),
    task.TaskApproved: rule("complete", "task", "task_id", lambda event: f"approved {event.comment}".strip()),
    task.TaskRejected: rule("complete", "task", "task_id", lambda event: f"rejected: {event.comment}", "failure"),
    task.TaskReopened: rule("update", "task", "task_id", lambda event: f"reopened {event.comment}".strip()),
    task.TaskRequeued: rule(
        "override", "task", "task_id", lambda event: f"put back into the queue after {event.deliveries} deliveries"
    ),
    task.TaskRecalled: rule("override", "task", "task_id", lambda event: f"recalled {event.comment}".strip()),
    task.TaskCommented: rule("update", "task", "task_id", lambda event: f"comment: {event.text[:200]}"),
    task.AttachmentAdded: rule(
        "update",
        "task",
        "task_id",
        lambda event: f"attached {event.attachment.name} ({event.attachment.content.size} bytes)",
    ),
    task.AttachmentRemoved: rule("update", "task", "task_id", lambda event: f"removed the file {event.name}"),
    task.TaskLabelled: rule(
        "update", "task", "task_id", lambda event: f"labelled {', '.join(event.labels)}" if event.labels else "no label"
    ),
    task.TaskLanded: _landed,
    task.LandingRefused: rule("complete", "task", "task_id", lambda event: f"{event.kind}: {event.message}", "failure"),
    task.RevertRequested: rule(
        "execute", "task", "task_id", lambda event: f"to take back what landed of {', '.join(event.of)}"
    ),
    task.TaskPushed: rule("execute", "task", "task_id", lambda event: f"pushed {event.branch} {event.head[:12]}"),
    task.TaskPaused: rule("override", "task", "task_id", lambda event: f"paused {event.reason}".strip()),
    task.TaskResumed: rule("override", "task", "task_id", lambda event: "resumed"),
    task.AttemptRequested: rule("update", "task", "task_id", lambda event: f"attempt {event.number} is wanted"),
    task.AttemptPicked: rule("update", "task", "task_id", lambda event: f"attempt {event.number} is picked"),
    task.TaskArchived: rule("delete", "task", "task_id", lambda event: f"archived {event.comment}".strip()),
    routing.ProviderSelected: rule("assign", "run", "run_id", _selected),
    run.RunStarted: rule("execute", "run", "run_id", lambda event: f"started by {event.agent_id}", "partial-success"),
    run.RunTakenOver: rule("execute", "run", "run_id", lambda event: f"taken over by {event.agent_id}"),
    run.ModelCalled: _called,
    run.ModelCallFailed: rule(
        "execute", "run", "run_id", lambda event: f"{event.call_id}: {event.error} {event.message}", "failure"
    ),
    run.ModelCallLost: rule("execute", "run", "run_id", lambda event: f"{event.call_id}: no outcome", "failure"),
    run.ModelCallWithdrawn: rule(
        "update", "run", "run_id", lambda event: f"{event.call_id}: never sent, its money was released"
    ),
    run.SetupRan: lambda event: AuditLine(
        "execute", "run", event.run_id, "success" if event.ok else "failure", _commands(event.results) or "setup"
    ),
    run.ToolUsed: lambda event: AuditLine(
        "execute", "run", event.run_id, "success" if event.ok else "failure", f"{event.name}, step {event.step}"
    ),
    run.ToolsOffered: rule(
        "execute",
        "run",
        "run_id",
        lambda event: f"{len(event.tools)} tools of servers; missing: {', '.join(sorted(event.missing)) or 'none'}",
    ),
    run.ToolBegun: rule("execute", "run", "run_id", lambda event: f"{event.name} goes out", "partial-success"),
    task.ToolCallDecided: rule(
        "complete",
        "task",
        "task_id",
        lambda event: f"call {event.seen}: {'allowed' if event.allowed else 'refused'} {event.comment}".strip(),
    ),
    run.QuestionAsked: rule(
        "execute", "run", "run_id", lambda event: f"asks: {event.question[:200]}", "partial-success"
    ),
    run.ChecksRan: lambda event: AuditLine(
        "execute",
        "run",
        event.run_id,
        "failure" if event.verdict is ChecksVerdict.RED else "success",
        f"checks of {event.head[:12]} are {event.verdict.value}: {_commands(event.results)}",
    ),
    run.ArtifactRecorded: rule("create", "run", "run_id", lambda event: f"{event.kind} {event.name}"),
    knowledge.RelationRecorded: rule("update", "relation", "relation_id", lambda event: event.problem[:200]),
    knowledge.RelationRemoved: rule("delete", "relation", "relation_id", lambda event: event.reason),
    knowledge.ExecutionsGiven: rule("execute", "run", "run_id", _given),
    run.RunSucceeded: rule("complete", "run", "run_id", lambda event: event.summary),
    run.RunFailed: rule("complete", "run", "run_id", lambda event: event.reason, "failure"),
    run.RunCancelled: rule("complete", "run", "run_id", lambda event: f"cancelled: {event.reason}", "failure"),
    budget.BudgetSet: _budget,
    budget.SpendRefused: _refused,
    budget.WindowsCorrected: lambda event: AuditLine(
        "override", "budget", "windows", details=f"{event.before.month} goes on as {event.windows.month}"
    ),
    budget.SpendUnknown: rule(
        "execute", "call", "call_id", lambda event: f"{event.amount_microusd} booked: {event.reason}", "partial-success"
    ),
}
