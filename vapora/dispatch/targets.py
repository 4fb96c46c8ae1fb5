"""What a command is about: the stream, and how the id of a new thing begins."""

from __future__ import annotations

from events.ids import (
    SETTINGS,
    TOOL_SERVERS,
    StreamName,
    agent_stream,
    channel_stream,
    document_stream,
    preferences_stream,
    project_stream,
    schedule_stream,
    task_stream,
    tracker_stream,
    webhook_stream,
)
from vapora.commands import (
    AskPlan,
    ChangePreferences,
    ChangeSettings,
    Command,
    CreateProject,
    DrainAgent,
    EditAgent,
    EditSchedule,
    EditTask,
    MoveTask,
    RecordRelation,
    RemoveAgent,
    RemoveChannel,
    RemoveSchedule,
    RemoveToolServer,
    RemoveTracker,
    RemoveWebhook,
    SetChannel,
    SetSchedule,
    SetToolServer,
    SetTracker,
    SetWebhook,
    SubmitTask,
)
from vapora.commands.documents import DraftDocument, RemoveDocument, ReviseDocument

_PREFIX: dict[type[Command], str] = {
    CreateProject: "project",
    SubmitTask: "task",
    SetWebhook: "webhook",
    AskPlan: "plan",
    DraftDocument: "document",
    RecordRelation: "relation",
}


def prefix_of(command: Command) -> str:
    """How the id of what it makes begins."""
    return _PREFIX.get(type(command), "id")


def stream_of(command: Command, target: str) -> StreamName:
    """Of the thing that an edit is about."""
    match command:
        case ChangeSettings():
            return SETTINGS
        case ChangePreferences():
            return preferences_stream(target)
        case EditAgent() | DrainAgent() | RemoveAgent():
            return agent_stream(target)
        case SetChannel() | RemoveChannel():
            return channel_stream(target)
        case SetSchedule() | EditSchedule() | RemoveSchedule():
            return schedule_stream(target)
        case SetToolServer() | RemoveToolServer():
            return TOOL_SERVERS
        case SetTracker() | RemoveTracker():
            return tracker_stream(target)
        case SetWebhook() | RemoveWebhook():
            return webhook_stream(target)
        case ReviseDocument() | RemoveDocument():
            return document_stream(target)
        case EditTask() | MoveTask():
            return task_stream(target)
        case _:
            return project_stream(target)
