"""`vapora handover`: what a pod says before it is ended, so that nobody waits until its installation counts as dead."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vapora.cli.offline import Data, settings_for
from vapora.cli.output import FAILED, Json, emit, say, stop

_LOOK_EVERY_S = 0.05


def handover(
    data: Data = None,
    within_s: Annotated[float, typer.Option("--within", min=0, help="How many seconds its writers may take.")] = 20,
    as_json: Json = False,
) -> None:
    """Hand every workspace over to another installation on the same PostgreSQL database, before this one ends.

    Its processes close what they have open, and answer 503 with Retry-After. Where no other one is there, nothing is
    changed. An installation that was not ended serves again after 120 s.
    """
    from actors.composition import installation
    from vapora.log.leases import open_leases

    settings = settings_for(data)
    name = installation(settings)
    leases = open_leases(settings, name)
    began = time.monotonic()
    others = list(leases.leave())
    if not others:
        say("Nobody else is there to take over, so nothing was handed over.")
    while others and (left := leases.held()):
        if time.monotonic() - began > within_s:
            stop(
                FAILED,
                f"After {within_s:g} s {name} still has {left} of its leases.",
                f"{', '.join(others)} takes them all the same, 3 s after this was asked.",
            )
        time.sleep(_LOOK_EVERY_S)
    took = round(time.monotonic() - began, 3)
    emit(
        as_json,
        {"installation": name, "to": others, "took_s": took},
        lambda: f"{name} has no lease any more, after {took:g} s." if others else f"{name} goes on.",
    )
