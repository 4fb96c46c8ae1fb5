"""What the log holds that can become documents: decisions of agents and people, and presentations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from anyio import to_thread

from events import Recorded
from events.document import DocumentSource
from events.run import ArtifactRecorded
from events.workflow import ApprovalDecided
from projections import runs as run_rows
from projections import workflows as workflow_rows
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.commands.documents import MOST_CHARACTERS, DraftDocument, DrawDocuments, Drawn
from vapora.domain import document_adr as rules
from vapora.domain.document_kind import title_of
from vapora.views import ApprovalView, Execution, WorkflowRunSummary

_PAGE = 2_000
# At once; the next ones with the next request.
_MOST = 500
# By the kinds of artifacts, as the roles' manifests name them.
_DECISIONS = frozenset({"adr", "decision"})
_PRESENTATIONS = frozenset({"presentation"})


async def drawn_from(cell: Cell, asked: DrawDocuments) -> tuple[Drawn, ...]:
    """In the order of the log."""
    await cell.wait_for(await cell.log.head())
    kinds = _DECISIONS if asked.of == "decisions" else _PRESENTATIONS
    drawn: list[Drawn] = []
    async for recorded in _told(cell, asked.of == "decisions"):
        match recorded.event:
            case ArtifactRecorded() as event if event.kind in kinds:
                one = await _of_artifact(cell, recorded, event)
            case ApprovalDecided() as decided:
                one = await _of_approval(cell, recorded, decided)
            case _:
                continue
        if one is not None and asked.project_id in (None, one.draft.project_id):
            drawn.append(one)
        if len(drawn) == _MOST:
            break
    return tuple(drawn)


async def _told(cell: Cell, with_approvals: bool) -> AsyncIterator[Recorded]:
    topics = (ArtifactRecorded.TOPIC, *((ApprovalDecided.TOPIC,) if with_approvals else ()))
    position, head = 0, 1
    while position < head:
        polled = await cell.log.poll(position, _PAGE, 0, topics)
        for one in polled.events:
            yield one
        position, head = polled.position, polled.head


async def _of_artifact(cell: Cell, recorded: Recorded, event: ArtifactRecorded) -> Drawn | None:
    """None for what a run left that did not succeed."""
    run: Execution | None = await cell.read(lambda rows: run_rows.run_of(rows, event.run_id))
    if run is None or run.state != "succeeded":
        return None
    text = await to_thread.run_sync(cell.blobs.text, event.content)
    source = DocumentSource(kind="decision", task_id=event.task_id, run_id=event.run_id, position=recorded.position)
    id_ = rules.document_id(source, event.name)
    if event.kind in _PRESENTATIONS:
        fields = {"title": title_of(event.name, text), "kind": "presentation"}
        return await _draft(cell, id_, fields, text, run.project_id, source)
    title, decided, candidates, reasons = rules.of_artifact(text)
    found = rules.Found(
        source=source,
        title=(title or run.summary or event.name)[:400],
        by=run.agent_id,
        at=recorded.recorded_at,
        decided=decided,
        candidates=candidates,
        reasons=reasons,
        text=text,
        simulated=event.simulated,
    )
    return await _record(cell, id_, found, run.project_id)


async def _of_approval(cell: Cell, recorded: Recorded, event: ApprovalDecided) -> Drawn | None:
    def question(rows: ReadSnapshot) -> tuple[ApprovalView | None, WorkflowRunSummary | None]:
        run = workflow_rows.run_of(rows, event.workflow_run_id)
        return workflow_rows.approval_of(rows, event.approval_id), run

    asked, run = await cell.read(question)
    if asked is None:
        return None
    source = DocumentSource(kind="decision", workflow_run_id=event.workflow_run_id, position=recorded.position)
    word = "approved" if event.decision == "approve" else "rejected"
    found = rules.Found(
        source=source,
        title=f"{asked.title}: {word}"[:400],
        by=recorded.actor,
        at=recorded.recorded_at,
        decided=f"The stage {asked.stage} of the workflow {asked.workflow} was {word}.",
        candidates=("Approve", "Reject"),
        reasons=(event.comment,) if event.comment else (),
    )
    return await _record(
        cell, rules.document_id(source, event.approval_id), found, None if run is None else run.project_id
    )


async def _record(cell: Cell, id_: str, found: rules.Found, project_id: str | None) -> Drawn:
    fields = {"title": f"ADR: {found.title}", "kind": "adr"}
    return await _draft(cell, id_, fields, rules.draft(found), project_id, found.source)


async def _draft(
    cell: Cell, id_: str, fields: Mapping[str, Any], text: str, project_id: str | None, source: DocumentSource
) -> Drawn:
    content = await to_thread.run_sync(cell.blobs.content, text[:MOST_CHARACTERS])
    reason = "it was drawn from the log"
    draft = DraftDocument(text=content, kind_reason=reason, project_id=project_id, source=source, **fields)
    return Drawn(document_id=id_, draft=draft)
