"""The secrets by which messages are signed: outside the log, in files that only their owner reads."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Protocol

from vapora import durable

_ID = re.compile(r"[a-z0-9-]{1,80}")


class SigningSecrets(Protocol):
    """Where they are kept."""

    def ensure(self, webhook_id: str) -> str:
        """The webhook's secret; made where there is none yet, once."""
        ...

    def find(self, webhook_id: str) -> str | None:
        """None: it was lost. Another one would sign what nobody could check."""
        ...

    def forget(self, webhook_id: str) -> None: ...


class SecretFiles:
    """A file for each, of mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ensure(self, webhook_id: str) -> str:
        file = self._file(webhook_id)
        if not file.exists():
            durable.write_new(file, f"whsec_{secrets.token_urlsafe(32)}".encode())
        return file.read_text()

    def find(self, webhook_id: str) -> str | None:
        try:
            return self._file(webhook_id).read_text()
        except FileNotFoundError:
            return None

    def forget(self, webhook_id: str) -> None:
        self._file(webhook_id).unlink(missing_ok=True)

    def _file(self, webhook_id: str) -> Path:
        if not _ID.fullmatch(webhook_id):
            raise ValueError(f"{webhook_id!r} is no id of a webhook")
        return self._folder / webhook_id
