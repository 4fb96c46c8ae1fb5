"""Plans: from a goal to cards, by the project manager's proposal and a person's word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, status

from events.content import Content
from events.ids import TaskState, plan_stream
from projections import board, runs
from projections import plans as model
from projections.engine.base import Row
from projections.engine.transaction import ReadSnapshot
from vapora import views
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, versioned
from vapora.api.pages import page_of
from vapora.catalog import infer_task_type, roles, task_types
from vapora.commands import (
    AcceptCards,
    AcceptPlan,
    AskPlan,
    DismissPlan,
    PlannedCard,
    RevisePlan,
    ReviseProposal,
)
from vapora.domain import plan as rules
from vapora.domain.plan import Proposal
from vapora.errors import BadInputError, ConflictError, NotFoundError, PlanOutdatedError
from vapora.views import Accepted, Page, PlanCards, PlanMade, PlanState, PlanSummary, PlanView

router = APIRouter(prefix="/plans", tags=["plans"])

# Of so many runs of a kind, the newest, estimates are made.
_PAST_RUNS = 200


@router.post("", status_code=status.HTTP_201_CREATED, summary="Ask for a plan")
async def create_plan(body: AskPlan, writing: Writing, key: PostKey) -> PlanMade:
    """The project manager reads the goal and the repository, on a planning card, and proposes cards. Nothing else is
    made before a person accepts them."""
    return await _made(writing.cell, await writing.dispatch(body, key=key))


@router.get("", summary="List the plans")
async def list_plans(
    cell: FreshCell,
    project_id: Annotated[str | None, Query(max_length=200, description="Of this project only.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[PlanSummary]:
    """The newest first."""

    def question(rows: ReadSnapshot) -> list[PlanSummary]:
        return [_summary(row, _state(rows, row, _artifact(rows, row))) for row in model.rows_of(rows, project_id)]

    return page_of(await cell.read(question), lambda one: one.id, limit, cursor)


@router.get("/{plan_id}", summary="Show a plan")
async def get_plan(plan_id: str, cell: FreshCell, reading: Reading) -> PlanView:
    """With the cards that are proposed, and what each may cost and take: the median and the range of past cards of its
    kind, where there were at least five."""
    stream = plan_stream(plan_id)
    found = await _find(cell, plan_id)
    shown = await cell.read(lambda rows: versioned(rows, _view(rows, found), model.Plans.NAME, stream))
    return reading.tagged(shown)


@router.post("/{plan_id}/revise", status_code=status.HTTP_201_CREATED, summary="Ask for another proposal")
async def revise_plan(plan_id: str, body: RevisePlan, writing: Writing, key: PostKey) -> PlanMade:
    """The project manager is told what shall be different, and what it proposed before."""
    accepted = await writing.answered(key)
    if accepted is None:
        found = await _find(writing.cell, plan_id)
        if found.state == "proposing":
            raise ConflictError("The proposal is not there yet.", remedy="Wait for it, or archive its planning card.")
        proposal = found.proposal.model_dump_json() if found.proposal else ""
        accepted = await writing.dispatch(ReviseProposal(text=body.text, proposal=proposal), plan_id, key)
    return await _made(writing.cell, accepted)


@router.post("/{plan_id}/accept", summary="Accept a plan")
async def accept_plan(plan_id: str, body: AcceptPlan, writing: Writing, key: PostKey) -> PlanCards:
    """All cards are made at once, or none. `cards`: as you have edited them; absent: as they were proposed."""
    accepted = await writing.answered(key)
    if accepted is None:
        found = await _find(writing.cell, plan_id)
        proposal = found.proposal
        if proposal is None and found.state in ("proposing", "failed"):
            raise ConflictError(
                "There is no proposal to accept.", remedy=found.problem or "Wait until its planning card is done."
            )
        if proposal is None or proposal.seen != body.seen:
            raise PlanOutdatedError("The plan is not what you saw.", remedy="Look at it again, and decide on that.")
        command = AcceptCards(task_id=found.row["task_id"], seen=body.seen, cards=body.cards or proposal.cards)
        accepted = await writing.dispatch(command, plan_id, key)
    plan = await writing.cell.dispatcher.plans.as_of(plan_stream(plan_id), accepted.position)
    made = plan.accepted if plan else None
    return PlanCards(id=plan_id, task_ids=made.task_ids if made else (), position=accepted.position)


@router.post("/{plan_id}/dismiss", summary="Dismiss a plan")
async def dismiss_plan(plan_id: str, body: DismissPlan, writing: Writing, key: PostKey) -> Accepted:
    """Nothing comes of it. Its planning card stays where it is."""
    return await writing.dispatch(body, plan_id, key)


@dataclass(frozen=True, slots=True)
class _Found:
    """`answer`: what the planning card's run handed in, whole."""

    row: Row
    state: PlanState
    answer: str | None
    proposal: Proposal | None
    problem: str


async def _find(cell: Cell, plan_id: str) -> _Found:
    """Raises `NotFoundError`."""
    row = await cell.find(plan_stream(plan_id), lambda rows: model.row_of(rows, plan_id))
    if row is None:
        raise NotFoundError(f"There is no plan '{plan_id}'.", remedy="List the plans.")
    state, artifact = await cell.read(lambda rows: _outcome(rows, row))
    if artifact is None:
        problem = "The planning card failed: see why on it, and ask again." if state == "failed" else ""
        return _Found(row, state, None, None, problem)
    content = Content(text=artifact.text, digest=artifact.digest, size=artifact.size)
    answer = artifact.text if artifact.text is not None else await to_thread.run_sync(cell.blobs.text, content)
    try:
        proposal = rules.read(answer, tuple(roles()), task_types())
    except BadInputError as error:
        return _Found(row, "failed" if state == "proposed" else state, answer, None, str(error))
    return _Found(row, state, answer, proposal, "")


def _outcome(rows: ReadSnapshot, row: Row) -> tuple[PlanState, views.Artifact | None]:
    artifact = _artifact(rows, row)
    return _state(rows, row, artifact), artifact


def _state(rows: ReadSnapshot, row: Row, artifact: views.Artifact | None) -> PlanState:
    """`artifact`: what its planning card handed in."""
    if row["accepted"] is not None:
        return "accepted"
    if row["dismissed"]:
        return "dismissed"
    card = board.card(rows, row["task_id"])
    if card is None or card.state in (TaskState.TODO, TaskState.IN_PROGRESS):
        return "proposing"
    return "failed" if artifact is None else "proposed"


def _artifact(rows: ReadSnapshot, asked: Mapping[str, Any]) -> views.Artifact | None:
    """Of the last run of the planning card that succeeded. `asked`: a plan, or a round of one."""
    for run in reversed(runs.runs(rows, asked["task_id"])):
        if run.state == "succeeded":
            return next(iter(runs.artifacts(rows, run.run_id)), None)
    return None


def _summary(row: Row, state: PlanState) -> PlanSummary:
    return PlanSummary(
        id=row["id"],
        project_id=row["project_id"],
        goal=row["goal"],
        state=state,
        task_id=row["task_id"],
        task_ids=tuple(row["accepted"] or ()),
        created_at=row["created_at"],
        position=row["position"],
    )


def _view(rows: ReadSnapshot, found: _Found) -> PlanView:
    proposal = found.proposal
    # Cards of one kind have one past.
    estimate = cache(partial(_estimate, rows))
    cards = tuple(_proposed(card, estimate) for card in proposal.cards) if proposal else ()
    costs = [one.estimate.cost_microusd for one in cards]
    times = [one.estimate.duration_ms for one in cards]
    return PlanView(
        **_summary(found.row, found.state).model_dump(),
        rounds=tuple(_round(rows, one, found) for one in found.row["rounds"]),
        cards=cards,
        risks=proposal.risks if proposal else (),
        seen=proposal.seen if proposal else None,
        problem=found.problem,
        cost_microusd=_sum(costs),
        duration_ms=_sum(times),
    )


def _sum(ranges: list[views.Range | None]) -> int | None:
    known = [one.median for one in ranges if one is not None]
    return sum(known) if known and len(known) == len(ranges) else None


def _round(rows: ReadSnapshot, one: dict[str, str], found: _Found) -> views.PlanRound:
    newest = one["task_id"] == found.row["task_id"]
    artifact = None if newest else _artifact(rows, one)
    earlier = None if artifact is None else artifact.text
    answer = found.answer if newest else earlier
    return views.PlanRound.model_validate({**one, "answer": None if answer is None else rules.beside_cards(answer)})


def _proposed(card: PlannedCard, estimate: Callable[[str], views.CardEstimate]) -> views.ProposedCard:
    task_type = card.task_type or infer_task_type(card.title, card.description, card.type.value, card.role)[0]
    return views.ProposedCard(**card.model_dump(), estimate=estimate(task_type))


def _estimate(rows: ReadSnapshot, task_type: str) -> views.CardEstimate:
    """Of real work where there was enough of it, else of rehearsals."""
    past, simulated = runs.past(rows, task_type, False, _PAST_RUNS), False
    if len(past) < rules.FEWEST_PAST_CARDS:
        past, simulated = runs.past(rows, task_type, True, _PAST_RUNS), True
    return views.CardEstimate(
        task_type=task_type,
        cost_microusd=_range([cost for cost, _ in past]),
        duration_ms=_range([took for _, took in past]),
        simulated=simulated,
    )


def _range(values: list[int]) -> views.Range | None:
    found = rules.spread(values)
    return (
        None if found is None else views.Range(cards=found.count, low=found.low, median=found.median, high=found.high)
    )


async def _made(cell: Cell, accepted: Accepted) -> PlanMade:
    """With the planning card that this write made, as the log has it: the same when asked again."""
    plan = await cell.dispatcher.plans.as_of(plan_stream(accepted.id), accepted.position)
    return PlanMade(id=accepted.id, task_id=rules.require(plan, accepted.id).newest.task_id, position=accepted.position)
