"""Workflows, their runs and what people are asked, for the asynchronous client. `python -m tests.sdk.make` makes the
synchronous one from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncWorkflows(AsyncTransport):
    """Stages, one after the other and side by side, of ordinary tasks."""

    async def workflows(self, after: Position = None) -> Rows[views.WorkflowSummary]:
        """Those that ship, those that were made, and those of files."""
        return await self._all("/workflows", views.WorkflowSummary, {"after": after})

    async def workflow(self, workflow_id: str, after: Position = None) -> views.WorkflowView:
        return await self._get(path("workflows", workflow_id), views.WorkflowView, {"after": after})

    async def check_workflow(self, text: str) -> views.WorkflowChecked:
        """What is wrong with a definition, in TOML or JSON; nothing is stored."""
        body = commands.CheckWorkflow(text=text)
        return await self._ask("POST", "/workflow-checks", views.WorkflowChecked, body)

    async def create_workflow(self, definition: Mapping[str, Any], key: str | None = None) -> views.WorkflowView:
        """Raises `ApiError` where it is faulty, with every fault and its place."""
        return await self._ask("POST", "/workflows", views.WorkflowView, definition, key)

    async def set_workflow(self, workflow_id: str, definition: Mapping[str, Any]) -> views.WorkflowView:
        """All of it anew. Runs that are under way end as they began."""
        return await self._ask("PUT", path("workflows", workflow_id), views.WorkflowView, definition)

    async def remove_workflow(self, workflow_id: str) -> int:
        return await self._write("DELETE", path("workflows", workflow_id))

    async def start_workflow(
        self,
        workflow_id: str,
        inputs: Mapping[str, Any] | None = None,
        project_id: str | None = None,
        key: str | None = None,
    ) -> views.WorkflowRunMade:
        """`project_id`: where its cards are made, for those stages that name no project."""
        body = commands.StartWorkflowRun(inputs=dict(inputs or {}), project_id=project_id)
        return await self._ask("POST", path("workflows", workflow_id, "runs"), views.WorkflowRunMade, body, key)

    def workflow_runs(
        self,
        state: views.WorkflowRunState | None = None,
        workflow_id: str | None = None,
        limit: int | None = None,
    ) -> AsyncPages[views.WorkflowRunSummary]:
        """The newest first, page by page as they are taken."""
        query = {"state": state, "workflow_id": workflow_id}
        return self._items("/workflow-runs", views.WorkflowRunSummary, query, limit)

    async def workflow_run(self, workflow_run_id: str, after: Position = None) -> views.WorkflowRunView:
        return await self._get(path("workflow-runs", workflow_run_id), views.WorkflowRunView, {"after": after})

    async def pause_workflow_run(self, workflow_run_id: str, reason: str = "") -> int:
        return await self._write("POST", path("workflow-runs", workflow_run_id, "pause"), {"reason": reason})

    async def resume_workflow_run(self, workflow_run_id: str) -> int:
        return await self._write("POST", path("workflow-runs", workflow_run_id, "resume"))

    async def cancel_workflow_run(self, workflow_run_id: str, reason: str = "") -> int:
        """Its open cards are called off, and what its stages did is undone, the last first."""
        return await self._write("POST", path("workflow-runs", workflow_run_id, "cancel"), {"reason": reason})

    async def retry_stage(self, workflow_run_id: str, stage: str, reason: str = "") -> int:
        return await self._write(
            "POST", path("workflow-runs", workflow_run_id, "stages", stage, "retry"), {"reason": reason}
        )

    async def skip_stage(self, workflow_run_id: str, stage: str, reason: str) -> int:
        """`reason`: stands in the run for ever."""
        return await self._write(
            "POST", path("workflow-runs", workflow_run_id, "stages", stage, "skip"), {"reason": reason}
        )

    async def approvals(
        self, state: views.ApprovalState | None = "open", after: Position = None
    ) -> Rows[views.ApprovalView]:
        """What people are asked."""
        return await self._all("/approvals", views.ApprovalView, {"state": state, "after": after})

    async def approval(self, approval_id: str, after: Position = None) -> views.ApprovalView:
        return await self._get(path("approvals", approval_id), views.ApprovalView, {"after": after})

    async def decide(
        self,
        approval_id: str,
        decision: Literal["approve", "reject"],
        seen: str,
        comment: str = "",
        key: str | None = None,
    ) -> views.ApprovalDecided:
        """`seen`: the digest that the approval showed. Raises `ApiError` where that has changed since."""
        body = commands.DecideApproval(decision=decision, seen=seen, comment=comment)
        return await self._ask("POST", path("approvals", approval_id), views.ApprovalDecided, body, key)
