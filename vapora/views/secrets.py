"""What is shown of secrets: never a value."""

from __future__ import annotations

from datetime import datetime

from vapora.views.base import View


class Secret(View):
    """`updated_by`: as the log names who does something."""

    name: str
    version: int
    updated_at: datetime
    updated_by: str
    position: int


class SecretDeleted(View):
    """`version`: the last one that there was."""

    name: str
    version: int
    position: int


class SecretsRotated(View):
    """`key` names the key that encrypts the workspace's secrets now, `secrets` counts the versions under it."""

    key: str
    secrets: int
    position: int
