"""Intents about webhooks."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from vapora.commands.base import Command, Comment


def _address(value: str) -> str:
    """Whether it may be reached is seen when its name is looked up."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is no address: {error}") from None
    if not parts.hostname or port == 0:
        raise ValueError("must be an address such as https://example.com/hooks")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password: the log would keep them for ever")
    return value


WebhookUrl = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[A-Za-z0-9._~:\[\]-]+(/[!-\"$-~]*)?$", max_length=2_000),
    AfterValidator(_address),
]
# A topic, all of one noun, or all that there are.
TopicPattern = Annotated[
    str, StringConstraints(pattern=r"^(\*|[a-z]+(-[a-z]+)*\.(\*|[a-z]+(-[a-z]+)*))$", max_length=80)
]


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


class SetWebhook(Command):
    """A webhook as it shall be. `topics`: such as `task.*`, `run.succeeded`, or `*` for all. One that is not `enabled`
    is sent nothing, and what happens meanwhile is not sent later."""

    url: WebhookUrl
    topics: Annotated[
        tuple[TopicPattern, ...],
        Field(min_length=1, max_length=50, json_schema_extra={"examples": [["task.*"]]}),
        AfterValidator(_each_once),
    ]
    description: Comment = ""
    enabled: StrictBool = True


class RemoveWebhook(Command):
    pass
