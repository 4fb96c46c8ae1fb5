"""Names for the strings that identify things, and the closed sets that stand in events."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NewType

WorkspaceId = NewType("WorkspaceId", str)
ProjectId = NewType("ProjectId", str)
TaskId = NewType("TaskId", str)
RunId = NewType("RunId", str)
AgentId = NewType("AgentId", str)
CallId = NewType("CallId", str)
Position = NewType("Position", int)
StreamName = NewType("StreamName", str)

# One ledger a workspace: limits of every scope are checked in one place.
LEDGER = StreamName("ledger")
WORKSPACE = StreamName("workspace")
# What a person has set for the whole workspace.
SETTINGS = StreamName("settings")
# Corrections of the clock alone, so that they are found without a look at the rest.
CLOCK = StreamName("clock")

# A workspace's name is also that of a folder, of streams in NATS and of schemas in PostgreSQL, which takes 63 bytes
# together with what we put around it.
WORKSPACE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_WORKSPACE = 51
DEFAULT_WORKSPACE = WorkspaceId("default")


def is_workspace(name: str) -> bool:
    return len(name) <= LONGEST_WORKSPACE and re.fullmatch(WORKSPACE_PATTERN, name) is not None


def project_stream(project_id: str) -> StreamName:
    return StreamName(f"project:{project_id}")


def task_stream(task_id: str) -> StreamName:
    return StreamName(f"task:{task_id}")


def run_stream(run_id: str) -> StreamName:
    return StreamName(f"run:{run_id}")


def agent_stream(agent_id: str) -> StreamName:
    return StreamName(f"agent:{agent_id}")


def preferences_stream(user: str) -> StreamName:
    """`user` as the log names who does something: `user:local`."""
    return StreamName(f"preferences:{user}")


def request_stream(digest: str) -> StreamName:
    return StreamName(f"request:{digest}")


class Provider(StrEnum):
    """The four families of models. The values stand in events and never change."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GEMINI = "gemini"
    OLLAMA = "ollama"


class TaskState(StrEnum):
    """Where a task stands; the first five are the board's columns."""

    TODO = "todo"
    IN_PROGRESS = "in-progress"
    REVIEW = "review"
    DONE = "done"
    FAILED = "failed"
    ARCHIVED = "archived"


class BoardType(StrEnum):
    """What kind of work a person calls it."""

    FEATURE = "feature"
    BUGFIX = "bugfix"
    ENHANCEMENT = "enhancement"
    TECH_DEBT = "tech-debt"


class Review(StrEnum):
    """Who must approve a good run before its task is done."""

    NONE = "none"
    AGENT = "agent"
    HUMAN = "human"


class Tier(StrEnum):
    """How much of a budget is gone (R8)."""

    NORMAL = "normal"
    NEAR = "near"
    EXCEEDED = "exceeded"


class Scope(StrEnum):
    """What a budget limits."""

    WORKSPACE = "workspace"
    PROJECT = "project"
    ROLE = "role"
    AGENT = "agent"
    TASK = "task"


class WhenExceeded(StrEnum):
    """What a spent budget does: step down to what is free or allowed, or wait at once."""

    FALLBACK = "fallback"
    STOP = "stop"


class WaitReason(StrEnum):
    """Why a card does not move."""

    BUDGET = "budget"
    PROVIDER = "provider"
    DEPENDENCY = "dependency"
    PAUSED = "paused"
    HUMAN = "human"
    APPROVAL = "approval"
    ANSWER = "answer"
    CHECKS = "checks"
    RUNAWAY = "runaway"


class ChecksVerdict(StrEnum):
    """What the project's checks say of a commit. A project without checks has no green work."""

    GREEN = "green"
    RED = "red"
    UNCHECKED = "unchecked"


class MergePolicy(StrEnum):
    """Whether approved work with green checks lands by itself."""

    MANUAL = "manual"
    WHEN_APPROVED = "when-approved"
