"""`vapora demo`: the main job in one go, from a backlog to what was done, by whom, why, and at what cost."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import typer

from vapora import operator_token
from vapora.cli.demo import cards, repository
from vapora.cli.offline import settings_for
from vapora.cli.output import FAILED, GOOD, INTERRUPTED, USAGE, Json, console, emit_json, say, stop
from vapora.cli.platform import Factory, Local, origin, ray_platform, start
from vapora.cli.spending_notice import announce_spending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vapora.cli.demo.repository import Home
    from vapora.commands import CreateProject
    from vapora.sandbox.choice import Wish
    from vapora.sandbox.sandbox import Sandbox
    from vapora.sdk import Client
    from vapora.settings import Settings

DATA = Path(".vapora-demo")
_NAME = "Shortleaf"
# The rehearsal answers faster here than elsewhere: a card takes a dozen answers, and somebody is watching.
_REHEARSAL_S = (0.3, 1.2)


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demo is to do. `repo` None: in a repository that it makes itself. `tasks` lack their project, which does
    not exist yet."""

    settings: Settings
    repo: Path | None
    tasks: tuple[dict[str, Any], ...]
    real: bool
    as_json: bool


def demo(
    repo: Annotated[Path | None, typer.Option(help="A git repository; absent, one is made in the data folder.")] = None,
    backlog: Annotated[
        Path | None, typer.Option(help="YAML: a list of tasks; absent, the one that is shipped.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8000,
    data: Annotated[Path, typer.Option(help="Where everything is kept; may hold an earlier demo.")] = DATA,
    real: Annotated[bool, typer.Option("--real", help="Ask the configured providers. This costs money.")] = False,
    sandbox: Annotated[
        Literal["auto", "bubblewrap", "sandlock", "none"] | None,
        typer.Option(help="What keeps the agents' commands apart from this machine; none: nothing does."),
    ] = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Start everything, hand in a backlog, watch agents do the work in a git repository, and say what was done."""
    said: dict[str, Any] = {"model": "auto" if real else "rehearsal", "sandbox": sandbox}
    if not real:
        said |= dict(zip(("rehearsal_min_delay_s", "rehearsal_max_delay_s"), _REHEARSAL_S, strict=True))
    settings = settings_for(data, host="127.0.0.1", port=port, runtime="local" if local else None, **said)
    if real:
        _require_providers(settings)
    taken = None if repo is None else repository.take(repo)
    tasks = cards.read(backlog, own_repository=taken is not None)
    from vapora.sandbox.choice import choose

    require_sandbox(settings, choose)
    raise typer.Exit(run(DemoPlan(settings, taken, tasks, real, as_json), ray_platform))


def run(plan: DemoPlan, factory: Factory, out: IO[str] | None = None) -> int:
    """The exit code. `out` takes the result; the platform is always stopped."""
    out = out or sys.stdout
    platform = None
    # Ray and its friends print; with --json nothing but the summary may reach stdout.
    with redirect_stdout(sys.stderr):
        try:
            # Made here rather than by git: what stands in it is nobody else's business.
            plan.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            if plan.repo is None:
                home = repository.make(plan.settings.data.absolute() / _NAME.lower())
            else:
                home = repository.of(plan.repo)
            settings = plan.settings
            if plan.repo is not None:
                # Whoever starts this named it.
                settings = settings.model_copy(update={"repo_roots": (*settings.repo_roots, home.path)})
            platform, addresses = start(settings, factory)
            say(f"The board: {addresses.board}")
            return _play(plan, origin(addresses), home, out)
        except KeyboardInterrupt:
            say(f"Interrupted. Nothing is lost: `vapora up --data {plan.settings.data}` goes on with it.")
            return INTERRUPTED
        finally:
            if platform is not None:
                platform.stop()


def _play(plan: DemoPlan, url: str, home: Home, out: IO[str]) -> int:
    from vapora.cli.demo import report as summary
    from vapora.cli.demo.collect import gather
    from vapora.cli.demo.follow import watch
    from vapora.sdk import Client
    from vapora.startup import tls

    token = os.environ.get("VAPORA_TOKEN") or operator_token.ensure(plan.settings.data.absolute())
    with Client(url, token=token, tls=tls.pinned_of(plan.settings)) as client:
        name = f"{_NAME} {time.strftime('%d %b %H:%M')}" if plan.repo is None else home.path.name or _NAME
        project = client.create_project(_project(plan, name, home))
        _set_budgets(client, plan.real)
        announce_spending(plan.settings, os.environ, url)
        began = time.monotonic()
        task_ids = cards.hand_in(client, project.id, plan.tasks)
        watch(client, project, task_ids, name, began, None if plan.as_json else out)
        told = gather(client, project, name, time.monotonic() - began)
    if plan.as_json:
        emit_json(told, out)
    else:
        drawn = summary.draw(told, str(plan.settings.data))
        console(out).print("", drawn, sep="\n", crop=False)
    return GOOD if told.ok else FAILED


def _project(plan: DemoPlan, name: str, home: Home) -> CreateProject:
    """Work lands by itself only in the demo's own repository; in anybody else's it stays on branches of VAPORA's."""
    from events.ids import MergePolicy
    from vapora.commands import CreateProject

    made = plan.repo is None
    return CreateProject.model_validate(
        {
            "name": name,
            "repo": str(home.path),
            "checks": [{"name": one, "command": line, "timeout_s": 120} for one, line in home.checks.items()] or None,
            "read_only": [str(one) for one in home.read_only],
            "merge_policy": MergePolicy.WHEN_APPROVED if made else MergePolicy.MANUAL,
        }
    )


def _set_budgets(client: Client, real: bool) -> None:
    """Modest limits, so that the tiers show; a role that has one already keeps it.

    Nothing gets stuck on them: a rehearsal steps down to the free local model. Real providers may have none such, so
    there the limits are a guard rail that a backlog of this size should not reach.
    """
    from events.ids import Scope
    from vapora.catalog import ROLE_IDS
    from vapora.commands import SetBudget

    limited = {
        one.id
        for one in client.budgets()
        if one.scope is Scope.ROLE and (one.monthly_limit_cents, one.weekly_limit_cents) != (None, None)
    }
    for role in ROLE_IDS:
        if role not in limited:
            monthly = _REAL_CENTS if real else _REHEARSAL_CENTS.get(role, _OTHER_CENTS)
            client.set_budget(Scope.ROLE, role, SetBudget(monthly_limit_cents=monthly))


_REAL_CENTS = 500
_OTHER_CENTS = 100
# Before a call its worst case is held: some fourteen cents for a developer's, of which one is spent in the end. So
# these two run out of room after some calls and go on with the free model; the others stay within theirs.
_REHEARSAL_CENTS = {"developer": 35, "documenter": 10}


def require_sandbox(settings: Settings, choose: Callable[[Wish], Awaitable[Sandbox]]) -> None:
    """Said before anything is started. Nothing runs unconfined unless a person asks for it."""
    from vapora.errors import SandboxUnavailableError

    try:
        chosen = asyncio.run(_await(choose(settings.sandbox)))
    except SandboxUnavailableError as error:
        stop(
            FAILED,
            str(error),
            "Or see the demo with `--sandbox none`: its commands, tests of a small Python program, then run as you.",
        )
    if chosen.kind == "none":
        say("SANDBOX: none. What agents run may do all that you may do.")


async def _await(chosen: Awaitable[Sandbox]) -> Sandbox:
    return await chosen


def _require_providers(settings: Settings) -> None:
    from vapora.llm.catalogue import installed
    from vapora.llm.factory import configured

    if not configured(os.environ, installed(settings)):
        stop(
            USAGE,
            "--real needs a provider, and none is configured.",
            "Set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_HOST; or leave --real out to rehearse.",
        )
