"""What each field and path parameter of the API means, as `/docs` and `/openapi.json` say it.

They stand together, and not at the fields, since the same dozen words (`position`, `simulated`, `cost_microusd`) mean
the same in every shape. A description that a field carries itself wins. `tests/api/test_field_texts.py` fails where a
property has none, and where an entry here describes nothing.
"""

from __future__ import annotations

from typing import Any

from vapora.api import (
    channel_texts,
    document_texts,
    knowledge_texts,
    package_texts,
    people_texts,
    plan_texts,
    schedule_texts,
    search_texts,
    tool_server_texts,
    tracker_texts,
    webhook_texts,
    work_texts,
    workflow_texts,
)

# By name, wherever no entry of the shape itself says otherwise.
COMMON = work_texts.COMMON | {
    "agent_id": "The agent's id.",
    "artifacts": "What the run left behind, without the texts.",
    "labels": "Words of people's own, by which cards are found.",
    "workflow_run_id": "The run of a workflow that made it; null: somebody handed it in.",
    "stage": "The stage of that run; null: none.",
    "assignee": "The person who does it; agents leave it alone. Null: agents may take it.",
    "blocked_by": "Ids of tasks that must be done before this one may start.",
    "calls": "Model calls that gave an answer.",
    "capabilities": "What the agent can do, as words in kebab-case.",
    "most_runs": "So many runs go on at once in the workspace; null: no limit.",
    "most_runs_of": "So many runs go on at once in a role, by the role; left out: what its manifest says, or no limit.",
    "capacity": "How many runs the agent may have at once.",
    "causation": "The position of the event because of which this one happened; null: a request led to it.",
    "comment": "What the person who moved the card said about it.",
    "context": "Further facts for the agent: a JSON object, or a text that holds one.",
    "correlation": "The id of the request that led to it, from X-Correlation-Id or made here.",
    "cost_microusd": "What it cost, in millionths of a dollar, rounded up once for each call.",
    "created_at": "When it was made.",
    "deadline": "When it should be done; an instant without a zone is taken as UTC.",
    "default_priority": "The priority of a card that names none.",
    "default_review": "The review of a card that names none: none, agent or human.",
    "density": "comfortable or compact.",
    "deliveries": "How often the queue has delivered it.",
    "description": "Free text, for people and for the agent.",
    "digest": "SHA-256 of the text, in hexadecimal.",
    "enabled": "False: the agent ends what it has, and gets nothing new.",
    "ended_at": "When it ended; null while it goes on.",
    "key": "Names the row among those of its view.",
    "operation": "put: the row in its latest state. remove: it is gone.",
    "view": "What kind of row it is, and so its shape.",
    "expertise": "The success rate, 0 to 1: recent runs count more, and where there are few it is near a half.",
    "limit_cents": "What a task may cost over its whole life, in cents; null: no limit.",
    "monthly_limit_cents": "What may be spent in a calendar month (UTC), in cents; null: no limit.",
    "name": "A name for people.",
    "notifications": "States that a card may come to of which the person is told: review, done, failed.",
    "overflow_cents": "How much more may be spent on the cheap models of an exceeded budget, in cents.",
    "position": "The position in the log that this state includes. Ask with `after=` of it to see at least this.",
    "priority": "0 to 100; the higher one is taken first.",
    "project_id": "The project's id.",
    "providers": "Model providers that answered.",
    "models": "Models that answered, as provider/model.",
    "reason": "Why it is so, in words.",
    "remedy": "What a person can do about it.",
    "repo": "The git repository that the project is about: a path on the server or an address. Null: none.",
    "review": "none: a good run ends in done. human: a person decides. agent: another agent reviews it.",
    "role": "The role's id, such as developer.",
    "run_id": "The run's id.",
    "row": "The row, as GET shows it.",
    "runs": "How many runs.",
    "simulated": "True: the rehearsal model answered. Such money and learning are never added to real ones.",
    "size": "Bytes of the text.",
    "started_at": "When it began.",
    "success_rate": "The share of its runs that succeeded, from 0 to 1.",
    "task_id": "The task's id.",
    "task_type": "The routing type, such as unit-test: it decides which agents and which size of model.",
    "task_types": "The routing types that it takes.",
    "theme": "system (as the computer is set), light or dark.",
    "time_zone": "The IANA name of the zone in which times are shown; empty: that of the browser.",
    "tokens_in": "Tokens of the requests, as the providers counted them.",
    "tokens_out": "Tokens of the answers, as the providers counted them.",
    "weekly_limit_cents": "What may be spent in a calendar week (UTC, from Monday), in cents; null: no limit.",
    "when_exceeded": "fallback: go on with models that fit, the free ones at last. stop: no call until there is room.",
}

_CARD = {
    "id": "The task's id.",
    "title": "What is to be done, in a line.",
    "type": "feature, bugfix, enhancement or tech-debt.",
    "task_type_reason": "Why this routing type: named by whoever submitted it, or inferred from which words.",
    "role": "Only agents of this role may take it; null: all that are able.",
    "state": "The column: todo, in-progress, review, done, failed; or archived, which is in none.",
    "waiting": "What it waits for; null where it does not.",
    "assigned_agent": "The agent that has it; null: nobody.",
    "cost_microusd": "What all of its runs have cost, in millionths of a dollar.",
    "runs": "Its runs, the oldest first.",
    "updated_at": "When it changed last.",
    "rank": "Its place in the column, compared as text: upwards in todo, in-progress and review, downwards elsewhere.",
    **work_texts.CARD,
}
_BUDGET = {
    "scope": "What it limits: workspace, project, role, agent or task.",
    "id": "Which one of these: its id, for a role its name.",
    "tier": "normal, near (80 % or more is used: cheaper models first) or exceeded.",
    "monthly_spent_microusd": "Spent in this month, in millionths of a dollar.",
    "weekly_spent_microusd": "Spent in this week, in millionths of a dollar.",
    "monthly_held_microusd": "Held this month for calls that are out, at their worst case.",
    "weekly_held_microusd": "Held this week for calls that are out, at their worst case.",
    "spent_microusd": "Spent over a task's whole life; null for everything else.",
    "held_microusd": "Held over a task's whole life; null for everything else.",
    "utilisation": "Spent by limit, the worse of both windows; 1 is all of it.",
}

_EXECUTION = {
    "state": "running, waiting, succeeded, failed or cancelled.",
    "duration_ms": "From begin to end, in milliseconds; null while it goes on.",
    "steps": "The steps of a run in its role, in order.",
    "steps_done": "How many of them are answered.",
    "summary": "The beginning of the work product.",
    **work_texts.EXECUTION,
}

_BESIDE = (
    work_texts.SHAPES
    | workflow_texts.SHAPES
    | channel_texts.SHAPES
    | tool_server_texts.SHAPES
    | tracker_texts.SHAPES
    | schedule_texts.SHAPES
    | document_texts.SHAPES
    | webhook_texts.SHAPES
    | people_texts.SHAPES
    | knowledge_texts.SHAPES
    | plan_texts.SHAPES
    | search_texts.SHAPES
    | package_texts.TEXTS
)
# By shape; `Page` stands for every list.
SHAPES: dict[str, dict[str, str]] = _BESIDE | {
    "Accepted": {"id": "The id of what was made or changed.", "position": "The position in the log that holds it."},
    "TaskAccepted": {"position": "The position in the log that holds it."},
    "Agent": {
        "package": "The package that it is of; empty: none.",
        "version": "The version of that package; empty: it is of none.",
        "id": "The agent's id.",
        "state": "idle, busy, draining (ends what it has), offline (does not answer, or not advance) or disabled.",
        "reason": "Why it gets no work; empty where it does.",
        "load": "Runs that it has by its capacity, from 0 to 1.",
        "running": "Runs that it has now.",
    },
    "Artifact": {"name": "Its name in the run.", "kind": "What sort of text it is.", "text": "The whole text."},
    "AgentWork": {
        "succeeded": "How many of its runs succeeded.",
        "failed": "How many of its runs failed.",
        "cancelled": "How many of its runs were cancelled.",
        "busy_s": "Seconds that its runs took, together.",
    },
    "ArtifactSummary": {"name": "Its name in the run.", "kind": "What sort of text it is."},
    "AuditEntry": {
        "position": "The position of the event.",
        "timestamp": "When it was recorded.",
        "actor": "Who did it: a person, an agent, or a part of the system.",
        "action": "create, update, delete, execute, assign, complete, override, query-secret; else unknown.",
        "resource_type": "The kind of thing that it was done to.",
        "resource_id": "The id of that thing.",
        "result": "success, failure or partial-success.",
        "details": "More about it, in words.",
        "topic": "The event's topic.",
    },
    "Board": {
        "position": "The position in the log that the board shows.",
        "columns": "Cards by column: todo, in-progress, review, done, failed; in the order that they are shown in.",
        "counts": "How many cards each column holds in all.",
        "counts_by_project": "The same for each project that ever had a card in one of these columns.",
        "next": "By column the cursor of the cards that follow, to be sent with `column`; null: these are all.",
        "truncated": "Columns that hold more than the 200 cards that are shown.",
        "paused": "The workspace and the projects of which nothing starts now.",
    },
    "BudgetView": _BUDGET,
    "BudgetEdited": {**_BUDGET, "before": "The limits as they were before."},
    "Chain": {
        "items": "The event, then the one that led to it, and so on back to the request.",
        "complete": "False: it goes further back than what is shown.",
    },
    "ColumnCount": {
        "id": "Project and state, with a stroke between them.",
        "state": "The column, or archived.",
        "cards": "How many cards.",
    },
    "Frame": {"position": "The position that changed these rows.", "rows": "What changed, in its latest state."},
    "LiveRequest": {
        "token": "Who asks; not looked at until identity exists.",
        "workspace": "The workspace that is spoken to; absent: the one of the header, else the default one.",
        "after": "The last position that the client has; absent: it is sent what changes from now on.",
        "heartbeat_s": "Every how many seconds a frame without rows is to come, 1 to 60; absent: none.",
    },
    "Preferences": {"user_id": "Whose they are.", "position": "Of the last change; 0: nobody has said any."},
    "WorkspaceSettings": {
        "knowledge": "What is remembered of executions, and who is told.",
        "search_vectors": "Where search has its vectors from: built-in, none or provider:model; null: as the "
        "installation has it.",
        "position": "Of the last change; 0: nobody has set any.",
    },
    "ChangeSettings": {
        "knowledge": "What is remembered of executions, and who is told.",
        "search_vectors": "Where search has its vectors from: built-in, none, or provider:model, which is paid for "
        "from the workspace's budget; null: as the installation has it.",
    },
    "Removed": {"id": "The id of what is gone.", "removed": "Always true."},
    "Cost": {
        "key": "What was grouped by, and its value.",
        "cost_microusd": "What these calls cost together, in millionths of a dollar.",
        "unknown_calls": "Those among the calls whose bill is not known; they are booked at their worst case.",
        "unknown_microusd": "What of the cost was booked at a worst case.",
    },
    "CurvePoint": {"day": "The day (UTC), as 2026-11-22.", "runs": "Runs that ended on that day."},
    "RedeemCode": {"code": "What `vapora up --open` gave to the browser; it is worth something once."},
    "OperatorToken": {"token": "To be sent as `Authorization: Bearer`."},
    "Dashboard": {
        "project_id": "The project's id; null: all of them together.",
        "cards": "How many cards each state holds now.",
        "days": "Each day, the oldest first.",
        "lead": "How long cards took from handing in to done; null where none was done.",
        "cycle": "How long cards took from their first assignment to done; null where none was done.",
        "team": "Who did the work.",
    },
    "FlowDay": {
        "day": "The day (UTC), as 2026-11-22.",
        "cards": "How many cards each state held as the day ended.",
        "submitted": "Cards that were handed in.",
        "done": "Cards that were done.",
        "failed": "Cards that failed.",
        "lead_s": "The median of seconds from handing in to done; null where none was done.",
        "cycle_s": "The median of seconds from the first assignment to done; null where none was done.",
    },
    "Spread": {
        "cards": "Of how many cards.",
        "median_s": "Half of them took at most so many seconds.",
        "p85_s": "85 of 100 took at most so many seconds.",
    },
    "DeadLetterView": {
        "id": "The task's id.",
        "subject": "Where in the queue it was.",
        "position": "The position of the event that made it to do.",
    },
    "Decision": {
        "position": "The position of the event that decided it.",
        "kind": "Who does it (agent), who reviews it (reviewer), on which model (provider), or what the money allowed.",
        "chosen": "What was chosen.",
        "candidates": "All that could have been chosen, with scores and, for those left out, why.",
        "policy": "The rule that chose.",
        "propensity": "How probable this choice was under that rule; null where none was drawn.",
        "budget": "How the budget stood.",
    },
    "EventView": {
        "position": "Its place in the log: later events have higher ones; numbers may be skipped.",
        "stream": "The thing that it is about, such as task-….",
        "version": "Its place among the events of its stream, from 1.",
        "topic": "What happened, such as task.assigned.",
        "recorded_at": "When it was recorded; never earlier than the one before it.",
        "workspace": "The workspace whose log it is in.",
        "actor": "Who did it: a person, an agent, or a part of the system.",
        "event": "What it says, in the shape of its topic.",
    },
    "Execution": _EXECUTION,
    "FieldError": {
        "where": "body, query, path or header.",
        "field": "The field's name, with dots for what is inside of another.",
        "message": "What is wrong with it.",
    },
    "Liveness": {
        "status": "ok: there is no other answer.",
        "version": "The version that runs.",
    },
    "Health": {
        "status": "ok; starting: ask again; failing: it will not get well by itself, and `reason` says why.",
        "version": "The version that runs.",
        "model": "real, or rehearsal: no real model answers.",
        "providers": "Each configured provider: up, or down with the reason.",
        "paused_models": "Models that are left alone for a while, as provider/model, with the reason.",
        "reason": "The first of the problems; empty where there is none.",
        "problems": "All that is not well.",
        "queue": "Where work is taken from: log, nats, or the log because NATS is away, and why it is.",
        "cells": "How many workspaces are awake, and how many sleep until they are needed.",
    },
    "CellCounts": {
        "awake": "Workspaces whose actors run.",
        "asleep": "Those that have nothing to do, and are woken by the next request.",
        "archived": "Those archived, as far as nobody reads them.",
    },
    "Learning": {
        "profiles": "What the agent has shown in each task type.",
        "curve": "The same day by day.",
    },
    "MoveTask": {
        "state": "The column to move it to; its own one only reorders it.",
        "before": "The id of the card to stand in front of; absent: at the end.",
        "comment": "Why; it stands on the card and in the log.",
    },
    "Page": {
        "items": "The things themselves.",
        "next": "The cursor of the page that follows; null on the last one.",
    },
    "Problem": {
        "type": "A stable address of this kind of problem, for programs.",
        "code": "The same as one word.",
        "title": "The kind of problem in words.",
        "status": "The HTTP status.",
        "detail": "What is wrong here.",
        "instance": "The request's path.",
        "errors": "The single fields that are wrong.",
        "paths": "The files concerned.",
    },
    "Profile": {"confidence": "How far the numbers can be trusted, from 0 to 1; full after 20 runs."},
    "Progress": {"position": "How far the read models have come.", "head": "The last position of the log."},
    "Named": {"kind": "task, project, run or agent.", "id": "The whole id."},
    "QueueView": {
        "kind": "log: the log itself is the queue. nats: NATS JetStream.",
        "connected": "Whether the queue can be asked now.",
        "problem": "Why it cannot; null where it can.",
        "depth": "What waits, by subject, without dead letters.",
        "waiting": "How much waits in all.",
        "dead_letters": "Tasks that were delivered too often without an answer.",
        "dead_letters_known": "False: the queue is away, and these are those that were seen last.",
    },
    "RegisterAgent": {
        "id": "The id it is to have; absent: made from its role.",
        "capabilities": "What it can do; absent: what its role can.",
        "task_types": "The routing types that it takes; absent: those of its role.",
        "capacity": "How many runs it may have at once; absent: what its role says.",
    },
    "Role": {
        "prompt": "The system prompt of its agents, as Markdown.",
        "id": "The role's id.",
        "title": "The role's name for people.",
        "group": "The group of roles that it belongs to.",
        "model_tier": "The size of model that it asks for.",
        "concurrency": "How many runs an agent of it may have at once.",
        "consumes": "What it works from.",
        "produces": "What it hands in.",
        "may": "What it is allowed to do.",
        "may_not": "What it is not allowed to do.",
        "steps": "The steps of a run, in order.",
    },
    "RunSummary": {
        "state": "running, waiting, succeeded, failed or cancelled.",
        "handed_over": "What became of the agent that had it before, and who has it now; empty: nothing.",
    },
    "Secret": {
        "name": "The secret's name.",
        "version": "1, 2, 3 …: the number of its newest value.",
        "updated_at": "When that was stored.",
        "updated_by": "Who stored it.",
        "position": "The position in the log that says so.",
    },
    "SecretDeleted": {
        "name": "The secret's name.",
        "version": "The last one that there was.",
        "position": "The position in the log that says so.",
    },
    "SecretsRotated": {
        "key": "The name of the key that encrypts the workspace's secrets now.",
        "secrets": "How many values are encrypted by it.",
        "position": "The position in the log that says so.",
    },
    "Status": {
        "head": "The last position of the log.",
        "position": "How far the read models have come.",
        "failed": "Projections that have stopped, and at which event and why.",
        "rebuilding": "Projections that are being rebuilt, and how far each is.",
        "clock": "What is wrong with the clock that events are recorded by; empty where nothing is.",
    },
    "SubmitTask": {
        "title": "What is to be done, in a line.",
        "type": "What the card is: feature, bugfix, enhancement or tech-debt.",
        "task_type": "The routing type; absent: inferred from title and description.",
        "role": "Only agents of this role may take it; absent: all that are able.",
        "agent": "Only this agent may take it; an absent task_type is then the first one that it takes.",
    },
    "EditTask": {"title": "What is to be done, in a line.", "type": "feature, bugfix, enhancement or tech-debt."},
    "BoardCard": _CARD,
    "TaskCard": _CARD,
    "TaskType": {"id": "The routing type.", "roles": "The roles that take it."},
    "Waiting": {
        "reason": "budget, provider, dependency, paused, human, answer, approval, checks or runaway.",
        "since": "Since when.",
        "call": "The call of a tool that a person is to allow or refuse; null where it waits for something else.",
    },
    "WaitingCall": {
        "run_id": "The run that makes it.",
        "tool": "As `<server>.<tool>`.",
        "arguments": "As JSON, just as they would go out; null where they are large.",
        "sha256": "Of large ones: `GET /runs/{id}/content/{sha256}` has them.",
        "seen": "The digest of tool and arguments: the decision names it.",
    },
    "Why": {"decisions": "Every choice that was made for this task, in order."},
}

# Parameters in the path.
PARAMETERS = (
    work_texts.PARAMETERS
    | channel_texts.PARAMETERS
    | tool_server_texts.PARAMETERS
    | tracker_texts.PARAMETERS
    | schedule_texts.PARAMETERS
    | document_texts.PARAMETERS
    | workflow_texts.PARAMETERS
    | webhook_texts.PARAMETERS
    | people_texts.PARAMETERS
    | knowledge_texts.PARAMETERS
    | plan_texts.PARAMETERS
    | {
        "agent_id": "The agent's id, such as developer.",
        "id": "Which one of that scope: its id, for a role its name.",
        "name": "The artifact's name in the run.",
        "position": "A position in the log.",
        "project_id": "The project's id.",
        "role_id": "The role's id, such as developer.",
        "run_id": "The run's id.",
        "task_id": "The task's id.",
    }
)


def describe(document: dict[str, Any]) -> None:
    """Put the texts into an OpenAPI document, wherever there is none yet."""
    for name, schema in document["components"]["schemas"].items():
        texts = COMMON | SHAPES.get(shape_of(name), {})
        for field, property_ in schema.get("properties", {}).items():
            if field in texts:
                property_.setdefault("description", texts[field])
    for item in document["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in PARAMETERS:
                    parameter.setdefault("description", PARAMETERS[parameter["name"]])


def shape_of(name: str) -> str:
    """`Page` for `Page_TaskCard_`."""
    return name.partition("_")[0]
