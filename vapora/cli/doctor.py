"""`vapora doctor`: is everything in order on this machine?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vapora.cli.offline import Data, settings_for
from vapora.cli.output import FAILED, Json, cell, emit, table

if TYPE_CHECKING:
    from vapora.cli.checks import Finding
    from vapora.settings import Settings


def doctor(data: Data = None, as_json: Json = False) -> None:
    """Check the installation, the data folder, the providers, and the server if one runs."""
    found = list(_findings(settings_for(data)))
    ok = all(one.state != "bad" for one in found)
    emit(as_json, {"ok": ok, "checks": found}, lambda: _render(found, ok))
    if not ok:
        raise typer.Exit(FAILED)


def _findings(settings: Settings) -> Iterator[Finding]:
    from vapora.cli import checks, work_checks
    from vapora.sdk import DEFAULT_URL
    from vapora.startup import lock

    owner = lock.owner(settings.data)
    yield from checks.python()
    yield from checks.libraries()
    yield from checks.packages()
    yield from checks.agents_in_python()
    yield from checks.data_folder(settings)
    yield from work_checks.git(os.environ)
    yield from work_checks.sandboxes(settings)
    token = os.environ.get("VAPORA_TOKEN") or None
    if owner is not None and owner.url:
        # What this shell is told about providers and queues is not what the server was told.
        yield from checks.running(owner, settings)
        yield from checks.read_models(settings)
        yield from checks.server(owner.url, token)
        return
    yield from checks.read_models(settings)
    yield from checks.providers(os.environ, settings)
    yield from checks.queue(settings)
    yield from checks.vault(settings)
    yield from checks.server(os.environ.get("VAPORA_URL") or DEFAULT_URL, token)


def _render(found: list[Finding], ok: bool) -> RenderableType:
    marks = {"good": Text("good", "green"), "warn": Text("look", "yellow"), "bad": Text("bad", "red")}
    shown = table("", "check", "", "what", fixed=("check",))
    for one in found:
        said = f"{one.detail.rstrip('.')}. {one.remedy}".strip(" .") + "."
        shown.add_row(cell(one.check), marks[one.state], cell(said))
    return Group(shown, "Everything needed is in order." if ok else "Something must be mended first.")
