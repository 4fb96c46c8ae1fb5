"""What a wake asks of PostgreSQL: few statements, and no more with many sleepers. Each is a round trip, and with its
tables a look into a catalogue that a thousand workspaces share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from actors.composition import LocalActorSystem
from tests.actors.test_sleep import asleep, running, settings
from tests.actors.test_sleepers import make
from tests.postgres import Server

# With each part of the cell: its log, read models, search index, and how they are. Where statements join or leave that
# number, see with `-s` which.
_MOST = 38
_WAKES = 3
# A statement, and the values that were sent with it.
_ENTRY = re.compile(
    r"\[(\d+)\] LOG:  (?:statement|execute [^:]*): (.*?(?:\n[^\n]*\[\1\] DETAIL:  [^\n]*)?)(?=\n\d{4}-|\Z)", re.DOTALL
)


def of(workspace: str, log: str) -> list[str]:
    """The statements that are about the workspace: by their text or their values, or by those of their transaction."""
    found: list[str] = []
    open_: dict[str, list[str]] = {}
    for pid, text in _ENTRY.findall(log):
        group = open_.setdefault(pid, [])
        group.append(text)
        begins = text.startswith("BEGIN") or (len(group) > 1 and not text.startswith(("COMMIT", "ROLLBACK")))
        if not begins:
            found += (
                group if any(re.search(rf"\b(vapora_)?{workspace}(_read|_search)?\b", one) for one in group) else []
            )
            del open_[pid]
    return found


async def fewest(system: LocalActorSystem, workspace: str, told: Callable[[], str]) -> list[str]:
    """Of some wakes: in one that took long its parts may have been asked again how they are."""
    wakes = []
    for _ in range(_WAKES):
        await asleep(system, workspace)
        told()
        await system.open(workspace)
        wakes.append(of(workspace, told()))
    return min(wakes, key=len)


@pytest.mark.timeout(900)
async def test_a_wake_is_few_statements_and_as_many_with_many_sleepers(tmp_path: Path, postgres_server: Server) -> None:
    if postgres_server.folder is None:
        pytest.skip("statements are counted in the log of a server that the tests started")
    log = postgres_server.folder / "log"
    with postgres_server.database() as url, log.open() as lines:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET log_statement = 'all'".encode())
        chosen = settings(tmp_path, database_url=SecretStr(url), cell_idle_s=0.3)
        found: list[list[str]] = []
        for names in (["few"], [f"w{number}" for number in range(15)]):
            await make(chosen, names)
            async with running(chosen) as system:
                if not found:
                    await system.open("few")  # which makes its tables
                found.append(await fewest(system, "few", lines.read))
    few, many = found
    print("\n".join(few))
    assert any("append_events" in one or "stored_events" in one for one in few), "nothing was counted"
    assert len(few) <= _MOST
    assert len(many) <= len(few) + 2
