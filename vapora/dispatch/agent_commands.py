"""What is asked about agents, decided."""

from __future__ import annotations

from events.ids import agent_stream
from vapora.catalog import role_defaults, roles, task_types
from vapora.commands import DrainAgent, EditAgent, RegisterAgent, RemoveAgent
from vapora.dispatch.carry_out import Decision, decision_on
from vapora.dispatch.workspace_folds import WorkspaceFolds
from vapora.domain import agent as agents
from vapora.domain.agent import Agent
from vapora.log.client import LogClient
from vapora.log.folds import LoadedFold


class AgentCommands:
    """On one workspace's log."""

    def __init__(self, log: LogClient, folds: WorkspaceFolds) -> None:
        self._log = log
        self._folds = folds

    async def decide(self, command: RegisterAgent | EditAgent | DrainAgent | RemoveAgent, target: str) -> Decision:
        agent_id = target
        free = isinstance(command, RegisterAgent) and command.id is None
        if isinstance(command, RegisterAgent):
            agent_id = command.id or await self._free_agent_id(command.role)
        stream = agent_stream(agent_id)
        # A free id is decided on as it was found: whoever takes it meanwhile makes a conflict, not the same agent.
        agent = LoadedFold[Agent | None](None, 0, 0) if free else await self._folds.agents.load(stream)
        match command:
            case RegisterAgent():
                defaults = role_defaults(command.role) if command.role in roles() else None
                events = agents.register(agent.state, command, agent_id, defaults, tuple(roles()), task_types())
            case EditAgent():
                events = agents.edit(agent.state, command, agent_id, task_types())
            case DrainAgent():
                events = agents.drain(agent.state, command, agent_id)
            case RemoveAgent():
                events = agents.remove(agent.state, agent_id)
        return decision_on(agent_id, stream, agent, events)

    async def _free_agent_id(self, role_id: str) -> str:
        taken: set[str] = set()
        while True:
            candidate = agents.next_agent_id(role_id, taken)
            if not await self._log.first(agent_stream(candidate)):
                return candidate
            taken.add(candidate)
