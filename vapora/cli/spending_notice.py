"""What `up` and `demo --real` say about money before the work: who answers, what it costs, and which limits hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from events.ids import Provider, Scope
from vapora.cli.output import limit, say

if TYPE_CHECKING:
    from vapora.settings import Settings
    from vapora.views import BudgetView

_SUGGESTED_CENTS = 2_000
_MOST_SHOWN = 12


def announce_spending(settings: Settings, environ: Mapping[str, str], url: str) -> None:
    """Say it on stderr, so that stdout stays the result's. Nothing in a rehearsal, where no money is spent.

    `url`: of the server that has started; its limits are asked for.
    """
    from vapora.errors import VaporaError
    from vapora.llm.catalogue import installed
    from vapora.llm.factory import configured, is_rehearsal
    from vapora.sdk import Client
    from vapora.startup import tls

    known = installed(settings)
    if is_rehearsal(environ, settings.model, known):
        return
    providers = configured(environ, known)
    free = [one for one in providers if known.endpoint(one).free]
    try:
        with Client(url, token=environ.get("VAPORA_TOKEN") or None, tls=tls.pinned_of(settings)) as client:
            budgets: Sequence[BudgetView] | None = client.budgets()
    except VaporaError as error:
        say(f"The limits could not be read: {error}")
        budgets = None
    for line in notice(providers, budgets, free):
        say(line)


def notice(
    providers: Sequence[Provider], budgets: Sequence[BudgetView] | None, free: Collection[Provider]
) -> list[str]:
    """`budgets`: all that there are; None where that is not known. `free`: providers that bill nothing."""
    names = ", ".join(providers)
    paid = [provider for provider in providers if provider not in free]
    if not paid:
        return [f"\n  REAL MODELS  {names} answers. Local models cost nothing."]
    lines = [f"\n  REAL MODELS  {names} will answer. THIS COSTS MONEY: {', '.join(paid)} will bill you for each call."]
    if budgets is None:
        return [*lines, "  Which limits hold is not known. See `vapora budget`."]
    held = _limits(budgets)
    if held:
        lines.append(f"  Limits: {'; '.join(held[:_MOST_SHOWN])}{'; …' if len(held) > _MOST_SHOWN else ''}.")
    if not any(one.scope is Scope.WORKSPACE and _limited(one) for one in budgets):
        lines += _unlimited(bool(held))
    return lines


def _unlimited(partly: bool) -> list[str]:
    what = "The workspace as a whole has no limit" if partly else "Nothing limits what may be spent"
    return [
        f"  NO LIMIT     {what}. To cap it, here at {limit(_SUGGESTED_CENTS)} a month:",
        f"      vapora budget set default --scope workspace --monthly-cents {_SUGGESTED_CENTS}",
        f"  or start with VAPORA_DEFAULT_CAP_CENTS={_SUGGESTED_CENTS}.",
    ]


def _limits(budgets: Sequence[BudgetView]) -> list[str]:
    """Each limited scope once, though real and rehearsed money are listed apart. Tasks are left out: they are many."""
    found: dict[str, None] = {}
    for one in budgets:
        if one.scope is not Scope.TASK and _limited(one):
            spans = ((one.monthly_limit_cents, "a month"), (one.weekly_limit_cents, "a week"))
            amounts = " and ".join(f"{limit(cents)} {span}" for cents, span in spans if cents is not None)
            found[f"{one.scope.value} {one.id} {amounts}"] = None
    return list(found)


def _limited(one: BudgetView) -> bool:
    return (one.monthly_limit_cents, one.weekly_limit_cents) != (None, None)
