"""`vapora audit verify`: is the log what was written?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from vapora.cli.offline import Data, Workspace, open_log, settings_for
from vapora.cli.output import FAILED, Json, emit

if TYPE_CHECKING:
    from vapora.log.proof import Checkpoint, Verdict
    from vapora.settings import Settings


def verify(
    data: Data = None,
    workspace: Workspace = "default",
    key: Annotated[
        Path | None, typer.Option(help="The public key; absent: beside the private one (VAPORA_AUDIT_KEY).")
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="The signed checkpoints, such as a copy kept elsewhere; absent: the folder's.")
    ] = None,
    chain_only: Annotated[bool, typer.Option(help="Without checkpoints: a cut tail is not found then.")] = False,
    as_json: Json = False,
) -> None:
    """Prove by the hash chain and the signed checkpoints that no event was changed, removed, inserted or moved.

    Needs no server, and does not disturb one.
    """
    from vapora.log.proof import verify as prove

    settings, began = settings_for(data), time.monotonic()
    with open_log(settings, workspace) as log:
        # Read before the log, which a running server makes longer meanwhile.
        signed = [] if chain_only else _signed(settings, workspace, key, checkpoints, log.head())
        verdict = prove(log, signed)
    seconds = time.monotonic() - began
    answer = {
        "ok": verdict.ok,
        "workspace": workspace,
        "events": verdict.events,
        "position": verdict.tip.position,
        "digest": verdict.tip.digest.hex(),
        "checkpoints": verdict.checkpoints,
        "first_bad_position": verdict.position,
        "fault": verdict.fault,
        "seconds": round(seconds, 3),
    }
    emit(as_json, answer, lambda: told(verdict, seconds, chain_only))
    if not verdict.ok:
        raise typer.Exit(FAILED)


def _signed(settings: Settings, workspace: str, key: Path | None, file: Path | None, head: int) -> list[Checkpoint]:
    """The proved checkpoints. Refused where there are none, and where the key is another one: a proof that leaves
    out its stronger half must be asked for."""
    from vapora.errors import ConfigurationError, CorruptLogError
    from vapora.log.proof import Verifier, public_path
    from vapora.log.proof import checkpoints as book

    path = file or settings.checkpoints(workspace)
    # A key that was given may be mounted alone; where one was made, its public half was made beside it.
    if settings.audit_key and key is None:
        verifier = Verifier.beside(settings.audit_key_file)
    else:
        verifier = Verifier.open(key or public_path(settings.audit_key_file))
    signed = book.read(path)
    if not signed and head:
        raise CorruptLogError(
            f"There are no signed checkpoints at {path}: nobody can tell whether the log's tail was cut.",
            remedy="Restore the file from a backup, name a copy with --checkpoints, or use --chain-only.",
        )
    strange = sorted({one.key for one in signed if not verifier.knows(one.key)})
    if strange:
        raise ConfigurationError(
            f"The checkpoints at {path} were signed with another key ({', '.join(strange)}).",
            remedy="Name the right public key with --key. A file may hold several, one after another.",
        )
    wrong = book.fault(signed, workspace, verifier)
    if wrong:
        raise CorruptLogError(f"In {path}, {wrong}.", remedy="Restore the file from a backup.")
    return signed


def told(verdict: Verdict, seconds: float, chain_only: bool = False) -> RenderableType:
    if verdict.fault is not None:
        where = "The log" if verdict.position is None else f"Position {verdict.position:,}"
        return f"The log is not what was written. {where}: {verdict.fault}. Restore it from a backup."
    # Below this the command's own start is what was measured.
    rate = f" ({verdict.events / seconds:,.0f} a second)" if seconds > 0.5 else ""
    signed = "no checkpoint was looked at" if chain_only else f"{verdict.checkpoints:,} signed checkpoints fit"
    return (
        f"The log is what was written: {verdict.events:,} events up to position {verdict.tip.position:,} follow one "
        f"from the other, and {signed}{rate}."
    )
