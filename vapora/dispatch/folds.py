"""What the streams of projects and tasks fold to: for all who load one by its id, and save it under the same name."""

from __future__ import annotations

from vapora.domain import channel as channels
from vapora.domain import document as documents
from vapora.domain import documentation
from vapora.domain import plan as plans
from vapora.domain import project as projects
from vapora.domain import schedule as schedules
from vapora.domain import task as tasks
from vapora.domain import tool_server as tool_servers
from vapora.domain import webhook as webhooks
from vapora.domain.channel import Channel
from vapora.domain.document import Document
from vapora.domain.documentation import Documentation
from vapora.domain.knowledge import relation as relations
from vapora.domain.knowledge.relation import Relation
from vapora.domain.plan import Plan
from vapora.domain.project import Project
from vapora.domain.schedule import Schedule
from vapora.domain.task_state import Task
from vapora.domain.tool_server import ToolServers
from vapora.domain.tracker import connection as trackers
from vapora.domain.tracker import link as links
from vapora.domain.tracker.connection import Tracker
from vapora.domain.tracker.link import Link
from vapora.domain.webhook import Webhook
from vapora.log.folds import Fold

# Asked for with each task and with each call of a model.
PROJECT = Fold("project", projects.FOLD_VERSION, Project, projects.evolve, kept_from=1)
PLAN = Fold("plan", plans.FOLD_VERSION, Plan, plans.evolve)
DOCUMENT = Fold("document", documents.FOLD_VERSION, Document, documents.evolve)
DOCUMENTATION = Fold("documentation", documentation.FOLD_VERSION, Documentation, documentation.evolve)
SCHEDULE = Fold("schedule", schedules.FOLD_VERSION, Schedule, schedules.evolve)
CHANNEL = Fold("channel", channels.FOLD_VERSION, Channel, channels.evolve)
WEBHOOK = Fold("webhook", webhooks.FOLD_VERSION, Webhook, webhooks.evolve)
TASK = Fold("task", tasks.FOLD_VERSION, Task, tasks.evolve)
TOOL_SERVERS_FOLD = Fold("tool-servers", tool_servers.FOLD_VERSION, ToolServers, tool_servers.evolve)
TRACKER = Fold("tracker", trackers.FOLD_VERSION, Tracker, trackers.evolve)
LINK = Fold("link", links.FOLD_VERSION, Link, links.evolve)
RELATION = Fold("relation", relations.FOLD_VERSION, Relation, relations.evolve)
