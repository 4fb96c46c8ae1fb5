"""Intents about servers of tools."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, JsonValue, StrictBool, StringConstraints, model_validator

from events.ids import LONGEST_SECRET_NAME, SECRET_PATTERN
from events.tool_server import DEFAULT_RESULT_BYTES, DEFAULT_TIMEOUT_S
from vapora.commands.base import WHOLE, Command, Comment, Slug
from vapora.commands.webhooks import WebhookUrl

MOST_RESULT_BYTES = 1_000_000
LONGEST_CALL_S = 3_600
_HIDDEN = re.compile(r"token|secret|passw|passphrase|credential|authorization|cookie|api[-_]?key|access[-_]?key", re.I)

SecretName = Annotated[str, StringConstraints(pattern=SECRET_PATTERN, max_length=LONGEST_SECRET_NAME)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_|~-]+$", max_length=100)]
Plain = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=2_000)]
# No NUL, no line end: it stands on a command line.
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=4_000)]
Folder = Annotated[str, StringConstraints(pattern=r"^/[^\x00]*$", max_length=1_000)]
ToolName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,128}$")]
RoleOrAll = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9]+(-[a-z0-9]+)*)$", max_length=80)]


# Ids of projects are made by us.
ProjectOrAll = Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z0-9_-]+)$", max_length=80)]


def _no_secret(names: object, where: str) -> None:
    for name in names if isinstance(names, (list, tuple, dict)) else ():
        if _HIDDEN.search(str(name)):
            raise ValueError(
                f"{where}: '{str(name)[:80]}' looks as if it held a secret, and the log keeps all of this for ever; "
                "store it with the workspace's secrets, and name it under secrets"
            )


def _plain_address(value: str) -> str:
    _no_secret([name for name, _ in parse_qsl(urlsplit(value).query, keep_blank_values=True)], "url")
    return value


class StdioServer(Command):
    """A process of ours, in the sandbox. `command`: the program and its arguments."""

    kind: Literal["stdio"]
    command: Annotated[tuple[Word, ...], Field(min_length=1, max_length=100)]
    network: StrictBool = False
    variables: Annotated[dict[Variable, Plain], Field(default_factory=dict, max_length=50)]
    secrets: Annotated[dict[Variable, SecretName], Field(default_factory=dict, max_length=50)]
    read: Annotated[tuple[Folder, ...], Field(max_length=50)] = ()
    write: Annotated[tuple[Folder, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _keeps_secrets_out(self) -> Self:
        if not self.command[0].strip():
            raise ValueError("command: is empty")
        _no_secret(self.variables, "variables")
        _no_secret([one.partition("=")[0] for one in self.command if one.startswith("-")], "command")
        return self


class HttpServer(Command):
    """Streamable HTTP."""

    kind: Literal["http"]
    url: Annotated[WebhookUrl, AfterValidator(_plain_address)]
    headers: Annotated[dict[Header, Plain], Field(default_factory=dict, max_length=50)]
    secrets: Annotated[dict[Header, SecretName], Field(default_factory=dict, max_length=50)]
    bearer: SecretName | None = None

    @model_validator(mode="after")
    def _keeps_secrets_out(self) -> Self:
        _no_secret(self.headers, "headers")
        return self


class BuiltInServerOfTools(Command):
    """A server that is a part of VAPORA."""

    kind: Literal["built-in"]


class ToolSetting(Command):
    """What holds for one tool; what is null is as its server suggests."""

    name: ToolName
    enabled: StrictBool = True
    effect: Literal["pure", "outside"] | None = None
    outward: StrictBool | None = None
    reads_outside: StrictBool | None = None
    cost_microusd: Annotated[int, Field(ge=0, le=10**12), WHOLE] = 0
    timeout_s: Annotated[int, Field(ge=1, le=LONGEST_CALL_S), WHOLE] | None = None
    allowed_in: Annotated[tuple[ProjectOrAll, ...], Field(max_length=200)] = ()


class SetToolServer(Command):
    """A server as it shall be."""

    transport: Annotated[StdioServer | HttpServer | BuiltInServerOfTools, Field(discriminator="kind")]
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    description: Comment = ""
    enabled: StrictBool = True
    roles: Annotated[tuple[RoleOrAll, ...], Field(max_length=100)] = ()
    expected_tools: Annotated[tuple[ToolName, ...], Field(max_length=500)] = ()
    tools: Annotated[tuple[ToolSetting, ...], Field(max_length=500)] = ()
    protocol: Literal["auto", "legacy", "modern"] = "auto"
    timeout_s: Annotated[int, Field(ge=1, le=LONGEST_CALL_S), WHOLE] = DEFAULT_TIMEOUT_S
    result_bytes: Annotated[int, Field(ge=1_000, le=MOST_RESULT_BYTES), WHOLE] = DEFAULT_RESULT_BYTES

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [one.name for one in self.tools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"tools: {', '.join(twice)} stands there twice")
        return self


class RemoveToolServer(Command):
    pass


class CallTool(Command):
    """A tool tried by a person. `project_id`: for what, where the tool wants to know."""

    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    project_id: Slug | None = None
