"""Plans, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.paths import Position, path


class AsyncPlans(AsyncTransport):
    """From a goal to cards."""

    async def ask_plan(self, project_id: str, goal: str, key: str | None = None) -> views.PlanMade:
        """The project manager proposes cards for the goal, on a planning card: `plan` shows them once that is done."""
        return await self._ask(
            "POST", "/plans", views.PlanMade, commands.AskPlan(project_id=project_id, goal=goal), key
        )

    def plans(self, project_id: str | None = None, limit: int | None = None) -> AsyncPages[views.PlanSummary]:
        """The newest first, page by page as they are taken."""
        return self._items("/plans", views.PlanSummary, {"project_id": project_id}, limit)

    async def plan(self, plan_id: str, after: Position = None) -> views.PlanView:
        return await self._get(path("plans", plan_id), views.PlanView, {"after": after})

    async def revise_plan(self, plan_id: str, text: str, key: str | None = None) -> views.PlanMade:
        """Ask for another proposal; `text`: what shall be different."""
        return await self._ask("POST", path("plans", plan_id, "revise"), views.PlanMade, {"text": text}, key)

    async def accept_plan(
        self, plan_id: str, seen: str, cards: Sequence[commands.PlannedCard] | None = None, key: str | None = None
    ) -> views.PlanCards:
        """Have its cards made, all at once. `seen`: as the plan was shown; `cards`: as they shall be made, None: as
        they were proposed."""
        body = commands.AcceptPlan(seen=seen, cards=None if cards is None else tuple(cards))
        return await self._ask("POST", path("plans", plan_id, "accept"), views.PlanCards, body, key)

    async def dismiss_plan(self, plan_id: str, reason: str = "") -> int:
        return await self._write("POST", path("plans", plan_id, "dismiss"), commands.DismissPlan(reason=reason))
