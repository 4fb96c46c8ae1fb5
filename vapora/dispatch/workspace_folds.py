"""What the streams of one workspace fold to."""

from __future__ import annotations

from events.user import PreferencesChanged
from vapora.dispatch.folds import CHANNEL, PLAN, PROJECT, RELATION, TASK, TOOL_SERVERS_FOLD, TRACKER, WEBHOOK
from vapora.domain import agent as agents
from vapora.domain import preferences, workspace_settings
from vapora.domain.agent import Agent
from vapora.domain.workspace_settings import WorkspaceSettings
from vapora.log.client import LogClient
from vapora.log.folds import Fold, StreamFolds
from vapora.objects import Where

_AGENT = Fold("agent", agents.FOLD_VERSION, Agent, agents.evolve)
_SETTINGS = Fold("settings", workspace_settings.FOLD_VERSION, WorkspaceSettings, workspace_settings.evolve)
_PREFERENCES = Fold("preferences", preferences.FOLD_VERSION, PreferencesChanged, preferences.evolve)


class WorkspaceFolds:
    """Each is loaded by its id, as the log has it now."""

    def __init__(self, log: LogClient, snapshots: Where | None) -> None:
        """`snapshots`: where folds of long streams are saved; None: nowhere."""
        self.projects = StreamFolds(log, PROJECT, snapshots)
        self.tasks = StreamFolds(log, TASK, snapshots)
        self.agents = StreamFolds(log, _AGENT, snapshots)
        self.settings = StreamFolds(log, _SETTINGS, snapshots)
        self.preferences = StreamFolds(log, _PREFERENCES, snapshots)
        self.webhooks = StreamFolds(log, WEBHOOK, snapshots)
        self.channels = StreamFolds(log, CHANNEL, snapshots)
        self.plans = StreamFolds(log, PLAN, snapshots)
        self.tool_servers = StreamFolds(log, TOOL_SERVERS_FOLD, snapshots)
        self.trackers = StreamFolds(log, TRACKER, snapshots)
        self.relations = StreamFolds(log, RELATION, snapshots)

    async def settled(self) -> None:
        """Until no fold is being saved."""
        for folds in (
            self.projects,
            self.tasks,
            self.agents,
            self.settings,
            self.preferences,
            self.webhooks,
            self.channels,
            self.plans,
            self.tool_servers,
            self.trackers,
            self.relations,
        ):
            await folds.settled()
