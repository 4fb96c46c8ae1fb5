"""`vapora audit`: proofs by replay, from the log alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import RenderableType

from vapora.cli import audit_list, audit_verify
from vapora.cli.offline import Data, Workspace, open_log, settings_for, stream
from vapora.cli.output import FAILED, Json, cell, emit, table

if TYPE_CHECKING:
    from vapora.domain.audit import Violation

app = typer.Typer(help="Check what the log promises.", no_args_is_help=True)


app.command("verify")(audit_verify.verify)
app.command("list")(audit_list.entries)


@app.command()
def budget(data: Data = None, workspace: Workspace = "default", as_json: Json = False) -> None:
    """Prove by replay that no priced call crossed a limit. Needs no server, and does not disturb one."""
    from events.ids import LEDGER
    from vapora.domain.audit import violations

    with open_log(settings_for(data), workspace) as log:
        head = log.head()
        ledger = list(stream(log, LEDGER))
    reserved = sum(recorded.topic == "budget.spend-reserved" for recorded in ledger)
    found = violations(ledger, workspace)
    answer = {"ok": not found, "workspace": workspace, "position": head, "reservations": reserved, "violations": found}
    emit(as_json, answer, lambda: _render(found, reserved, head))
    if found:
        raise typer.Exit(FAILED)


def _render(found: list[Violation], reserved: int, head: int) -> RenderableType:
    if not found:
        return (
            f"The budget held: {reserved:,} reservations up to position {head:,} replayed, "
            "spent + held <= limit + overflow at each of them."
        )
    shown = table(f"The budget did not hold: {len(found)} violations", "position", "call", "what", right=("position",))
    for one in found:
        shown.add_row(str(one.position), cell(one.call_id), cell(one.message))
    return shown
