"""Which secrets there are: names and versions, never values. Those are in the vault alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, secret
from projections.engine.base import Handler, Projection, Reader, Rows, Table, format_instant
from vapora import views

# `deleted_version`: the last version that a deletion took with it.
SECRETS = Table(
    "secrets",
    key=("name",),
    columns={
        "name": "text",
        "version": "int",
        "deleted_version": "int",
        "updated_at": "text",
        "updated_by": "text",
    },
)


def _stored(recorded: Recorded, event: secret.SecretStored, rows: Rows) -> None:
    """The vault numbers versions, so that it is told apart which of two came last, in whatever order they got here."""
    row = rows.get(SECRETS, (event.name,))
    if row is None or event.version > row["version"]:
        rows.put(SECRETS, _row(recorded, event, 0 if row is None else row["deleted_version"]))


def _deleted(recorded: Recorded, event: secret.SecretDeleted, rows: Rows) -> None:
    row = rows.get(SECRETS, (event.name,))
    if row is None or event.version >= row["version"]:
        rows.put(SECRETS, _row(recorded, event, event.version))


def _row(recorded: Recorded, event: Any, deleted_version: int) -> dict[str, Any]:
    return {
        "name": event.name,
        "version": event.version,
        "deleted_version": deleted_version,
        "updated_at": format_instant(recorded.recorded_at),
        "updated_by": recorded.actor,
    }


class Secrets(Projection):
    NAME = "secrets"
    VERSION = 1
    TABLES = (SECRETS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        secret.SecretStored: _stored,
        secret.SecretDeleted: _deleted,
    }


def secrets(rows: Reader) -> tuple[views.Secret, ...]:
    """By name."""
    return tuple(_view(row) for row in rows.select(SECRETS) if _is_there(row))


def secret_of(rows: Reader, name: str) -> views.Secret | None:
    row = rows.get(SECRETS, (name,))
    return _view(row) if row is not None and _is_there(row) else None


def _is_there(row: Mapping[str, Any]) -> bool:
    return bool(row["version"] > row["deleted_version"])


def _view(row: Mapping[str, Any]) -> views.Secret:
    return views.Secret.model_validate({name: value for name, value in row.items() if name != "deleted_version"})
