"""Names of streams, and the sets of words that stand in events."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Literal, NewType

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

StreamName = NewType("StreamName", str)

# One ledger a workspace: limits of every scope are checked in one place.
LEDGER = StreamName("ledger")
WORKSPACE = StreamName("workspace")
# What people are told about budgets; the ledger itself has no need of it.
BUDGET_ALERTS = StreamName("budget-alerts")
# What a person has set for the whole workspace.
SETTINGS = StreamName("settings")
# The servers of tools of a workspace.
TOOL_SERVERS = StreamName("tool-servers")
# Who was refused, and who looked at what is watched.
ACCESS = StreamName("access")
# Corrections of the clock alone, so that they are found without a look at the rest.
CLOCK = StreamName("clock")

# What concerns all secrets of a workspace at once.
SECRETS = StreamName("secrets")

# A workspace's name is also that of a folder, of streams in NATS and of schemas in PostgreSQL, which takes 63 bytes
# together with what we put around it.
WORKSPACE_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_WORKSPACE = 51
DEFAULT_WORKSPACE = "default"


# The log of users, sessions and memberships: no workspace, so no legal name of one.
PEOPLE = "_people"


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


def secret_stream(name: str) -> StreamName:
    return StreamName(f"secret:{name}")


def user_stream(user_id: str) -> StreamName:
    return StreamName(f"user:{user_id}")


def session_stream(session_id: str) -> StreamName:
    return StreamName(f"session:{session_id}")


def tenancy_stream(workspace_id: str) -> StreamName:
    """In the people log: the workspace with its members, teams, invitations, tokens and policies. One stream, so that
    two changes of who may do what are never decided past each other."""
    return StreamName(f"tenancy:{workspace_id}")


def preferences_stream(user: str) -> StreamName:
    """`user` as the log names who does something: `user:local`."""
    return StreamName(f"preferences:{user}")


def channel_stream(channel_id: str) -> StreamName:
    return StreamName(f"channel:{channel_id}")


def schedule_stream(schedule_id: str) -> StreamName:
    return StreamName(f"schedule:{schedule_id}")


def tracker_stream(tracker_id: str) -> StreamName:
    return StreamName(f"tracker:{tracker_id}")


def tracked_stream(tracker_id: str, kind: Literal["issue", "pull"], number: str) -> StreamName:
    """Of one issue or pull request: so that two cards are never made of one."""
    return StreamName(f"{kind}:{tracker_id}:{number}")


def tool_try_stream(call_id: str) -> StreamName:
    """Of one call of a tool by a person."""
    return StreamName(f"tool-try:{call_id}")


def webhook_stream(webhook_id: str) -> StreamName:
    return StreamName(f"webhook:{webhook_id}")


def package_stream(package_id: str) -> StreamName:
    return StreamName(f"package:{package_id}")


def plan_stream(plan_id: str) -> StreamName:
    return StreamName(f"plan:{plan_id}")


def document_stream(document_id: str) -> StreamName:
    return StreamName(f"document:{document_id}")


def documentation_stream(project_id: str | None) -> StreamName:
    """Of a project; None: what holds for all that say nothing."""
    return StreamName("documentation" if project_id is None else f"documentation:{project_id}")


def relation_stream(relation_id: str) -> StreamName:
    return StreamName(f"relation:{relation_id}")


def workflow_stream(workflow_id: str) -> StreamName:
    return StreamName(f"workflow:{workflow_id}")


def workflow_run_stream(workflow_run_id: str) -> StreamName:
    return StreamName(f"workflow-run:{workflow_run_id}")


def request_stream(digest: str) -> StreamName:
    return StreamName(f"request:{digest}")


# A secret's name: words as of a host or of a setting. It is also a part of a path in an OpenBao.
SECRET_PATTERN = r"^[a-z0-9]+([.-][a-z0-9]+)*$"  # noqa: S105
LONGEST_SECRET_NAME = 120


# The name of a provider also stands in settings, and as part of a URL in tests.
PROVIDER_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_PROVIDER = 40


class Provider(str):
    """Who serves a model: one of the four that ship, or another of the catalogue. The names stand in events.

    There is one object for each name, so that `is` compares as `==` does.
    """

    ANTHROPIC: ClassVar[Provider]
    OPENAI: ClassVar[Provider]
    GEMINI: ClassVar[Provider]
    OLLAMA: ClassVar[Provider]
    _known: ClassVar[dict[str, Provider]] = {}

    def __new__(cls, name: str) -> Provider:
        """Raises `ValueError` if that cannot be a provider's name."""
        if (found := cls._known.get(name)) is None:
            if len(name) > LONGEST_PROVIDER or not re.fullmatch(PROVIDER_PATTERN, name):
                raise ValueError(f"{name!r} is no name of a provider: small letters, digits, and hyphens between them")
            found = cls._known.setdefault(name, super().__new__(cls, name))
        return found

    def __reduce__(self) -> tuple[type[Provider], tuple[str]]:
        return Provider, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=PROVIDER_PATTERN, max_length=LONGEST_PROVIDER)
        read = core_schema.no_info_after_validator_function(cls, text)
        return core_schema.no_info_wrap_validator_function(cls._known_or_read, read)

    @classmethod
    def _known_or_read(cls, name: Any, read: Callable[[Any], Provider]) -> Provider:
        """One that is known was checked when it was made, and each decision names all models with their providers."""
        known = cls._known.get(name) if isinstance(name, str) else None
        return read(name) if known is None else known


Provider.ANTHROPIC = Provider("anthropic")
Provider.OPENAI = Provider("openai")
Provider.GEMINI = Provider("gemini")
Provider.OLLAMA = Provider("ollama")
# Those that ship.
PROVIDERS = (Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI, Provider.OLLAMA)


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


class MemberRole(StrEnum):
    """What a person is in a workspace (M11.9)."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


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
