"""Intents about channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool, StringConstraints, model_validator

from events.ids import LONGEST_SECRET_NAME
from vapora.commands.base import WHOLE, Command, Comment
from vapora.commands.webhooks import WebhookUrl

ChannelKind = Literal["slack", "discord", "telegram", "webhook", "email"]
# As the vault has it, and kept for this alone: else whoever names a channel's address could have any other secret sent.
SecretName = Annotated[
    str, StringConstraints(pattern=r"^channel-[a-z0-9]+([.-][a-z0-9]+)*$", max_length=LONGEST_SECRET_NAME)
]
NoticeName = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z]+(-[a-z]+)*)$", max_length=80)]
Template = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Mailbox = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$", max_length=254)
]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", min_length=1, max_length=253)]


def _each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value))


class MailSettings(Command):
    """How mail is handed over. `security` none: to an address that the operator has allowed by name, and there only."""

    host: HostName
    port: Annotated[int, Field(ge=1, le=65_535), WHOLE] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=254)] = ""
    sender: Mailbox
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)]


# What each kind wants; of the rest it takes nothing.
_WANTS: dict[str, tuple[str, ...]] = {
    "slack": ("secret",),
    "discord": ("secret",),
    "telegram": ("secret", "chat_id"),
    "webhook": ("secret", "url"),
    "email": ("mail",),
}


class SetChannel(Command):
    """A channel as it shall be. `secret`: the name of a secret in the vault, never the secret itself."""

    kind: ChannelKind
    notices: Annotated[
        tuple[NoticeName, ...],
        Field(min_length=1, max_length=50, json_schema_extra={"examples": [["task-failed", "budget-alert"]]}),
        AfterValidator(_each_once),
    ]
    secret: SecretName | None = None
    url: WebhookUrl | None = None
    chat_id: Annotated[str, StringConstraints(pattern=r"^(-?[0-9]{1,32}|@[A-Za-z0-9_]{1,64})$")] | None = None
    mail: MailSettings | None = None
    templates: Annotated[dict[NoticeName, Template], Field(max_length=50)] = Field(default_factory=dict)
    description: Comment = ""
    enabled: StrictBool = True

    @model_validator(mode="after")
    def _fits_its_kind(self) -> SetChannel:
        wanted = _WANTS[self.kind]
        if missing := [name for name in wanted if getattr(self, name) is None]:
            raise ValueError(f"a channel of the kind {self.kind} wants {' and '.join(missing)}")
        optional = {"secret"} if self.kind == "email" else {"url"} if self.kind == "telegram" else set()
        for name in ("secret", "url", "chat_id", "mail"):
            if name not in wanted and name not in optional and getattr(self, name) is not None:
                raise ValueError(f"a channel of the kind {self.kind} takes no {name}")
        if self.mail is not None and self.mail.username and self.secret is None:
            raise ValueError("a username wants a secret: the name of its password in the vault")
        return self


class RemoveChannel(Command):
    pass


class ResendDeliveries(Command):
    """Dead letters to be sent again, by their positions; all of them where none is named."""

    positions: Annotated[tuple[Annotated[int, Field(ge=1), WHOLE], ...], Field(max_length=1_000)] = ()
