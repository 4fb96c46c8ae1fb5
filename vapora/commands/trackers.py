"""Intents about trackers: GitHub and Jira."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from events.ids import LONGEST_SECRET_NAME, Review
from vapora.commands.base import WHOLE, Command, Comment
from vapora.commands.webhooks import WebhookUrl

# Kept for this alone: else whoever names a tracker's address could have any other secret sent there.
TrackerSecret = Annotated[
    str, StringConstraints(pattern=r"^tracker-[a-z0-9]+([.-][a-z0-9]+)*$", max_length=LONGEST_SECRET_NAME)
]
Remote = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$", max_length=200)]
IssueNumber = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,9}|[A-Z][A-Z0-9_]{1,50}-[1-9][0-9]{0,9})$")]
# As the other side has it; a comma would not get through its queries.
RemoteLabel = Annotated[str, StringConstraints(pattern=r"^[^\s,\"\\](([^,\"\\\x00-\x1f])*[^\s,\"\\])?$", max_length=50)]


def _base(value: str) -> str:
    parts = urlsplit(value)
    if parts.query or parts.fragment:
        raise ValueError("must be the address of the server alone, such as https://jira.example.com")
    return value.rstrip("/")


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


class SetTracker(Command):
    """A tracker as it shall be. `secret`, `webhook_secret`: names in the vault, never the secrets themselves."""

    kind: Literal["github", "jira"]
    url: Annotated[WebhookUrl, AfterValidator(_base)] | None = None
    remote: Remote
    project_id: str
    secret: TrackerSecret
    username: Annotated[str, StringConstraints(pattern=r"^[!-9;-~]*$", max_length=254)] = ""
    webhook_secret: TrackerSecret | None = None
    labels: Annotated[tuple[RemoteLabel, ...], Field(max_length=20), AfterValidator(_each_once)] = ("vapora",)
    review: Review = Review.HUMAN
    jira_api: Literal["2", "3"] = "3"
    issue_type: Annotated[str, StringConstraints(pattern=r"^\S([^\x00-\x1f]*\S)?$", max_length=60)] = "Task"
    agent_comments: StrictBool = False
    close_issues: StrictBool = True
    pull_requests: StrictBool = True
    poll_s: Annotated[int, Field(ge=10, le=86_400), WHOLE] = 300
    description: Comment = ""
    enabled: StrictBool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> SetTracker:
        if any(part.strip(".") == "" for part in self.remote.split("/")):
            raise ValueError("remote must not be made of dots")
        if self.kind == "github" and "/" not in self.remote:
            raise ValueError("remote must be a repository, as owner/name")
        if self.kind == "jira":
            if "/" in self.remote:
                raise ValueError("remote must be the key of a Jira project, as APP")
            if self.url is None:
                raise ValueError("a Jira wants its url, as https://example.atlassian.net")
        if self.kind == "github" and self.username:
            raise ValueError("GitHub takes no username: its token says who it is")
        if self.secret == self.webhook_secret:
            raise ValueError("the token must not be what webhooks are signed with")
        return self


class RemoveTracker(Command):
    pass


class ImportIssues(Command):
    """`numbers`: of these issues, whatever labels they bear; none: all that are open and bear the tracker's labels."""

    numbers: Annotated[tuple[IssueNumber, ...], Field(max_length=100)] = ()


class LinkTask(Command):
    """Make an issue of the card, in this tracker of its project."""

    tracker_id: Annotated[str, StringConstraints(min_length=1, max_length=60)]
