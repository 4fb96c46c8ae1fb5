"""Plans, decided on the log: a request makes a planning card, an acceptance all cards of the plan in one append."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from events.base import DomainEvent
from events.ids import Review, StreamName, plan_stream, task_stream
from events.plan import PlanDismissed, PlanRequested
from vapora.catalog import infer_task_type, roles, task_types
from vapora.clock import new_id
from vapora.commands import AcceptCards, AskPlan, DismissPlan, PlanCommand, PlannedCard, ReviseProposal, SubmitTask
from vapora.dispatch.submission import submitted
from vapora.domain import plan as plans
from vapora.domain import workspace_settings
from vapora.domain.plan import Plan, Round
from vapora.domain.project import Project
from vapora.domain.workspace_settings import WorkspaceSettings
from vapora.log.folds import LoadedFold

Changes = tuple[tuple[StreamName, int, tuple[DomainEvent, ...]], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a decision is made on."""

    plan: LoadedFold[Plan | None]
    project: LoadedFold[Project | None]
    settings: WorkspaceSettings | None


def decide(command: PlanCommand, plan_id: str, found: Found, made: Callable[[str], str] = new_id) -> Changes:
    """The plan's own events first. Raises `NotFoundError`, `ConflictError`, `BadInputError`."""
    stream, version = plan_stream(plan_id), found.plan.version
    match command:
        case AskPlan():
            rounds: tuple[Round, ...] = (Round(command.goal, made("task")),)
            return _round(plan_id, command.project_id, rounds, found, "")
        case ReviseProposal():
            plan = plans.require_open(found.plan.state, plan_id)
            rounds = (*plan.rounds, Round(command.text, made("task")))
            return _round(plan_id, plan.project_id, rounds, found, command.proposal)
        case DismissPlan():
            plans.require_open(found.plan.state, plan_id)
            return ((stream, version, (PlanDismissed(plan_id=plan_id, reason=command.reason),)),)
        case AcceptCards():
            plan = plans.require_open(found.plan.state, plan_id)
            plans.check(command.cards, tuple(roles()), task_types())
            cards = plans.in_order(command.cards)
            ids = {card.key: made("task") for card in cards}
            accepted = plans.accept(plan, command.task_id, command.seen, ids)
            submitted = ((task_stream(ids[one.key]), 0, _submit(one, ids, plan, found)) for one in cards)
            return ((stream, version, (accepted,)), *submitted)


def _round(plan_id: str, project_id: str, rounds: tuple[Round, ...], found: Found, proposal: str) -> Changes:
    newest = rounds[-1]
    command = SubmitTask(
        project_id=project_id,
        title=plans.title(rounds[0].text),
        description=plans.brief(rounds, proposal, task_types()),
        role="project-manager",
        task_type="planning",
        # A person looks at the proposal itself, and decides on that.
        review=Review.NONE,
        context={"plan_id": plan_id},
    )
    requested = PlanRequested(plan_id=plan_id, project_id=project_id, task_id=newest.task_id, text=newest.text)
    card = submitted(newest.task_id, command, found.project.state, "planning", "")
    return ((plan_stream(plan_id), found.plan.version, (requested,)), (task_stream(newest.task_id), 0, card))


def _submit(card: PlannedCard, ids: dict[str, str], plan: Plan, found: Found) -> tuple[DomainEvent, ...]:
    fields = card.model_dump(exclude={"key", "waits_for", "risk", "description"})
    description = "\n\n".join(part for part in (card.description, card.risk and f"Risk: {card.risk}") if part)
    blocked_by = tuple(ids[key] for key in card.waits_for)
    command = workspace_settings.complete(
        SubmitTask(
            project_id=plan.project_id,
            description=description,
            blocked_by=blocked_by,
            context={"plan_id": plan.id},
            **fields,
        ),
        found.settings,
    )
    task_type, reason = card.task_type, ""
    if task_type is None:
        task_type, reason = infer_task_type(card.title, card.description, card.type.value, card.role)
    return submitted(ids[card.key], command, found.project.state, task_type, reason)


def project_of(command: PlanCommand, plan: Plan | None) -> str:
    """Empty where there is no such plan."""
    if isinstance(command, AskPlan):
        return command.project_id
    return plan.project_id if plan else ""
