"""Intents about secrets."""

from __future__ import annotations

from pydantic import Field, SecretStr

from vapora.commands.base import Command


class StoreSecret(Command):
    """A new value; it is shown nowhere, by nothing."""

    value: SecretStr = Field(
        min_length=1, max_length=65_536, description="At most 64 KiB of text. It is stored encrypted, and never shown."
    )
