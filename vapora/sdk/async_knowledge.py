"""What the swarm knows, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.paths import Position, path
from vapora.sdk.shapes import Curves


class AsyncKnowledge(AsyncTransport):
    """Executions, what was learned of them, and what hangs together."""

    def executions(
        self,
        task_type: str | None = None,
        agent: str | None = None,
        task: str | None = None,
        simulated: bool | None = None,
        limit: int | None = None,
    ) -> AsyncPages[views.ExecutionRecord]:
        """The newest first, page by page as they are taken."""
        asked = {"task_type": task_type, "agent": agent, "task": task, "simulated": simulated}
        return self._items("/knowledge/executions", views.ExecutionRecord, asked, limit)

    async def execution(self, run_id: str, after: Position = None) -> views.ExecutionRecord:
        return await self._get(path("knowledge", "executions", run_id), views.ExecutionRecord, {"after": after})

    async def similar_executions(
        self, similar_to: str, task_type: str | None = None, agent: str | None = None, limit: int = 10
    ) -> views.Page[views.ExecutionRecord]:
        """The most like a card or a run, by its id, or like a text: by words and vectors."""
        asked = {"similar_to": similar_to, "task_type": task_type, "agent": agent, "limit": limit}
        return await self._get("/knowledge/executions", views.Page[views.ExecutionRecord], asked)

    async def curves(
        self, task_type: str | None = None, agent: str | None = None, simulated: bool | None = None
    ) -> Curves:
        """What each agent's runs came to, by kind of work and day."""
        asked = {"task_type": task_type, "agent": agent, "simulated": simulated}
        return await self._get("/knowledge/curves", Curves, asked)

    async def knowledge_graph(
        self, task: str | None = None, node: str | None = None, depth: int = 2, limit: int = 120
    ) -> views.Graph:
        """What is up to `depth` edges from a card, or from any other `node` (`kind:id`)."""
        asked = {"task": task, "node": node, "depth": depth, "limit": limit}
        return await self._get("/knowledge/graph", views.Graph, asked)

    def relations(
        self, task: str | None = None, task_type: str | None = None, limit: int | None = None
    ) -> AsyncPages[views.RelationView]:
        """Problems with causes and solutions, the newest first, page by page as they are taken."""
        asked = {"task": task, "task_type": task_type}
        return self._items("/knowledge/relations", views.RelationView, asked, limit)

    async def record_relation(self, relation: commands.RecordRelation, key: str | None = None) -> views.Accepted:
        return await self._ask("POST", "/knowledge/relations", views.Accepted, relation, key)

    async def remove_relation(self, relation_id: str) -> int:
        """It is not shown any more, and no agent is told of it."""
        return await self._write("DELETE", path("knowledge", "relations", relation_id))

    async def profile_from_history(self, agent_id: str) -> views.KnowledgeProfiles:
        """Worked out anew from the executions that are remembered."""
        return await self._get(path("knowledge", "profiles", agent_id), views.KnowledgeProfiles, {})

    async def knowledge_effect(self, simulated: bool | None = None, task_type: str | None = None) -> views.Effect:
        """Runs that were told of past executions beside runs that were not."""
        asked = {"simulated": simulated, "task_type": task_type}
        return await self._get("/knowledge/effect", views.Effect, asked)
