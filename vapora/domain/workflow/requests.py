"""What people may do to a run of a workflow, and to what it asks them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from events import workflow as told
from events.base import DomainEvent
from vapora.commands import (
    CancelWorkflowRun,
    DecideApproval,
    PauseWorkflowRun,
    ResumeWorkflowRun,
    RetryStage,
    SkipStage,
)
from vapora.domain.workflow.definition import Definition, stored
from vapora.domain.workflow.state import Asked, Run, StageRun
from vapora.errors import (
    ApprovalDecidedError,
    ApprovalExpiredError,
    ApprovalOutdatedError,
    BadInputError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
)

Events = tuple[DomainEvent, ...]
RunCommand = CancelWorkflowRun | PauseWorkflowRun | ResumeWorkflowRun | RetryStage | SkipStage


def start(
    workflow_run_id: str,
    workflow_id: str,
    number: int,
    definition: Definition,
    correlation: str,
    inputs: Mapping[str, Any],
    project_id: str | None,
    schedule_id: str | None = None,
) -> told.WorkflowRunStarted:
    """A new run of this version. Raises `BadInputError` for inputs that are missing, unknown, or no project named."""
    given = complete(definition, inputs)
    of_input = given.get("project_id")
    chosen = project_id or definition.project_id or (of_input if isinstance(of_input, str) else None)
    lacking = [one.name for one in definition.stages if one.roles and chosen is None and not one.task.get("project_id")]
    if lacking:
        raise BadInputError(
            f"Nothing says in which project the cards of {', '.join(lacking)} are made.",
            remedy="Name it as project_id: here, in the workflow, or in each stage's task.",
            field="project_id",
        )
    return told.WorkflowRunStarted(
        workflow_run_id=workflow_run_id,
        workflow_id=workflow_id,
        number=number,
        definition=stored(definition),
        correlation=correlation,
        project_id=chosen,
        inputs=given,
        schedule_id=schedule_id,
    )


def complete(definition: Definition, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """With the defaults. A workflow that names no inputs takes any."""
    if definition.inputs is None:
        return dict(inputs)
    unknown = sorted(inputs.keys() - definition.inputs.keys() - {"project_id"})
    if unknown:
        raise BadInputError(
            f"The workflow has no input '{unknown[0]}'.",
            remedy=f"Its inputs are: {', '.join(definition.inputs) or 'none'}.",
            field=f"inputs.{unknown[0]}",
        )
    missing = [
        name
        for name, rule in definition.inputs.items()
        if rule.required and rule.default is None and inputs.get(name) is None and name != "project_id"
    ]
    if missing:
        raise BadInputError(
            f"The workflow needs the input '{missing[0]}'.",
            remedy=f"Give it under inputs. Missing: {', '.join(missing)}.",
            field=f"inputs.{missing[0]}",
        )
    defaults = {name: rule.default for name, rule in definition.inputs.items() if rule.default is not None}
    return defaults | dict(inputs)


def decide(run: Run, command: RunCommand) -> Events:
    """Nothing where it is so already. Raises `ConflictError`, `NotFoundError`."""
    match command:
        case RetryStage():
            return _retry(run, command)
        case PauseWorkflowRun() if run.paused:
            return ()
        case ResumeWorkflowRun() if not run.paused and run.ended is None:
            return ()
        case CancelWorkflowRun() if run.ended == "cancelled" or run.ending == "cancelled":
            return ()
    if run.ended is not None:
        raise ConflictError(f"The run is {run.ended}: nothing of it can be changed.", remedy="Start another run.")
    if run.ending is not None and not isinstance(command, CancelWorkflowRun):
        raise ConflictError(
            "What the run did is being undone: it comes to its end by itself.", remedy="Wait, or start another run."
        )
    match command:
        case PauseWorkflowRun():
            return (told.WorkflowRunPaused(workflow_run_id=run.id, reason=command.reason),)
        case ResumeWorkflowRun():
            return (told.WorkflowRunResumed(workflow_run_id=run.id),)
        case CancelWorkflowRun():
            return (told.WorkflowRunEnding(workflow_run_id=run.id, state="cancelled", reason=command.reason),)
        case SkipStage():
            return _skip(run, command)


def _stage(run: Run, name: str) -> StageRun:
    found = run.stages.get(name)
    if found is None:
        raise NotFoundError(f"The run has no stage '{name}'.", remedy=f"It has: {', '.join(run.stages)}.")
    return found


def _skip(run: Run, command: SkipStage) -> Events:
    stage = _stage(run, command.stage)
    if stage.is_settled:
        raise ConflictError(f"The stage {stage.name} is {stage.state} already.", remedy="Skip one that is not over.")
    withdrawn: Events = ()
    if stage.asked is not None:
        withdrawn = (
            told.ApprovalWithdrawn(workflow_run_id=run.id, approval_id=stage.asked.id, stage=stage.name, cause="ended"),
        )
    skipped = told.StageSkipped(workflow_run_id=run.id, stage=stage.name, reason=command.reason, by_person=True)
    return (*withdrawn, skipped)


def _retry(run: Run, command: RetryStage) -> Events:
    stage = _stage(run, command.stage)
    if stage.state != "failed":
        raise ConflictError(f"The stage {stage.name} is {stage.state}, not failed.", remedy="Retry one that failed.")
    undoing = any(card.purpose == "undo" for one in run.stages.values() for card in one.cards)
    if undoing or run.ended == "cancelled" or run.ending == "cancelled":
        raise ConflictError(
            "What the run did was undone, so it cannot go on.", remedy="Start another run of the workflow."
        )
    if run.ended == "completed":
        raise ConflictError("The run is completed: it went on without the stage.", remedy="Start another run.")
    return (told.StageRetried(workflow_run_id=run.id, stage=stage.name, reason=command.reason),)


def find_asked(run: Run, approval_id: str) -> tuple[str, Asked] | None:
    return next(
        ((one.name, one.asked) for one in run.stages.values() if one.asked and one.asked.id == approval_id), None
    )


def settle(
    run: Run,
    history: Collection[DomainEvent],
    approval_id: str,
    command: DecideApproval,
    may: bool,
    moved: bool,
    overdue: bool,
) -> Events:
    """A person decides. `history`: the run's events, to say what became of what is asked no more. `may`: whether they
    are among those who are asked. `moved`: what was shown is not what the log has now."""
    found = find_asked(run, approval_id)
    if found is None:
        raise _over(history, approval_id, command)
    stage, asked = found
    if not may:
        raise ForbiddenError(
            "You are not among those who may decide this.", remedy=f"Ask {_who(asked)}.", action="decide_approval"
        )
    if overdue and not asked.escalated:
        raise _expired()
    if command.seen != asked.seen or moved:
        raise ApprovalOutdatedError(
            "What is asked has changed since you looked at it.",
            remedy="List the approvals again, look at what is shown now, and decide anew.",
            seen=asked.seen,
        )
    return (
        told.ApprovalDecided(
            workflow_run_id=run.id,
            approval_id=approval_id,
            stage=stage,
            decision=command.decision,
            seen=command.seen,
            comment=command.comment,
        ),
    )


def may_decide(asked: Asked, role: str | None, names: Collection[str], sovereign: bool) -> bool:
    """`role`: of the person in the workspace; `names`: their id and address. `sovereign`: who owns the installation."""
    if sovereign or (not asked.roles and not asked.people):
        return True
    low = {one.lower() for one in names}
    return role in asked.roles or any(one.lower().removeprefix("user:") in low for one in asked.people)


def _who(asked: Asked) -> str:
    named = [f"somebody with the role {one}" for one in asked.roles] + list(asked.people)
    return " or ".join(named) or "an owner of the workspace"


def _expired() -> ApprovalExpiredError:
    return ApprovalExpiredError(
        "The time to decide this is over.", remedy="Have the stage retried: it is asked anew then."
    )


def _over(history: Collection[DomainEvent], approval_id: str, command: DecideApproval) -> Exception:
    """What became of an approval that is not open."""
    for event in history:
        if getattr(event, "approval_id", None) != approval_id:
            continue
        if isinstance(event, told.ApprovalDecided):
            done = "approved" if event.decision == "approve" else "rejected"
            return ApprovalDecidedError(
                f"Somebody has {done} it already.", remedy="Nothing is left to be decided.", decision=event.decision
            )
        if isinstance(event, told.ApprovalWithdrawn):
            if event.cause == "expired":
                return _expired()
            if event.cause == "outdated":
                return ApprovalOutdatedError(
                    "What was asked has changed, and is asked anew.",
                    remedy="List the approvals again, look at what is shown now, and decide anew.",
                )
            return ApprovalDecidedError("It is asked no more: the stage is over.", remedy="Look at the run.")
    return NotFoundError(f"There is no approval '{approval_id}'.", remedy="List the approvals.")
