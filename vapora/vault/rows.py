"""The rows of the embedded vault as they are stored, encrypted: for a backup, and back from one."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from vapora.settings import Settings
from vapora.vault.tables import PostgresTables, SqliteTables, Statements, Tables

_KEYS = ("workspace", "number", "installation_key", "wrapped", "created_at")
_SECRETS = ("workspace", "name", "version", "key", "wrapped", "value", "updated_at")
_COLUMNS = {"vault_keys": _KEYS, "vault_secrets": _SECRETS}
_BYTES = ("wrapped", "value")


def stored_rows(settings: Settings) -> list[bytes]:
    """A line of JSON each; none where secrets are in an OpenBao, which has its own backup. The installation's key is
    not among them, and without it nothing of them opens."""
    if settings.vault_url:
        return []
    with closing(_tables(settings)) as tables:
        if not tables.exists():
            return []
        with tables.reading() as run:
            keys, secrets = _belonging_together(run)
    return [_line("vault_keys", row) for row in keys] + [_line("vault_secrets", row) for row in secrets]


def put_rows(settings: Settings, lines: Iterable[bytes]) -> int:
    """How many there were. Those that are there already stay as they are."""
    count = 0
    with closing(_tables(settings)) as tables:
        for line in lines:
            values: dict[str, Any] = json.loads(line)
            table = str(values.pop("table"))
            columns = _COLUMNS[table]
            for name in _BYTES:
                if values.get(name) is not None:
                    values[name] = b64decode(values[name])
            places = ", ".join("?" for _ in columns)
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608
            with tables.writing(values["workspace"]) as run:
                run(statement, [values[one] for one in columns])
            count += 1
    return count


def _belonging_together(run: Statements) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Each secret with the key that encrypts it, though keys may be replaced meanwhile."""
    while True:
        secrets = run(f"SELECT {', '.join(_SECRETS)} FROM vault_secrets")  # noqa: S608
        keys = run(f"SELECT {', '.join(_KEYS)} FROM vault_keys")  # noqa: S608
        known = {(row[0], row[1]) for row in keys}
        if all(row[3] is None or (row[0], row[3]) in known for row in secrets):
            return keys, secrets


def _line(table: str, row: tuple[Any, ...]) -> bytes:
    values = dict(zip(_COLUMNS[table], row, strict=True))
    for name in _BYTES:
        if values.get(name) is not None:
            values[name] = b64encode(bytes(values[name])).decode()
    return json.dumps({"table": table, **values}).encode() + b"\n"


def _tables(settings: Settings) -> Tables:
    url = settings.database_url
    return SqliteTables(settings.vault_file) if url is None else PostgresTables(url.get_secret_value())
