"""`vapora demo`: the main job in one go, from a backlog to what was done, by whom, why, and at what cost."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from vapora import operator_token
from vapora.cli import repository
from vapora.cli.offline import settings_for
from vapora.cli.output import FAILED, GOOD, INTERRUPTED, USAGE, Json, console, emit_json, say, stop
from vapora.cli.platform import Factory, Local, origin, ray_platform, start
from vapora.cli.spending_notice import announce_spending
from vapora.commands import SubmitTask

if TYPE_CHECKING:
    from vapora.sdk import Client
    from vapora.settings import Settings

DATA = Path(".vapora-demo")
_NAME = "Shortleaf"


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demo is to do. `tasks` lack their project, which does not exist yet."""

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
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Start everything, hand in a backlog, watch the board fill, and say what was done at what cost."""
    model = "auto" if real else "rehearsal"
    settings = settings_for(data, host="127.0.0.1", port=port, model=model, runtime="local" if local else None)
    if real:
        _require_providers()
    taken = None if repo is None else repository.take(repo)
    plan = DemoPlan(settings, taken, _tasks(backlog), real, as_json)
    raise typer.Exit(run(plan, ray_platform))


def run(plan: DemoPlan, factory: Factory, out: IO[str] | None = None) -> int:
    """The exit code. `out` takes the result; the platform is always stopped."""
    out = out or sys.stdout
    platform = None
    # Ray and its friends print; with --json nothing but the summary may reach stdout.
    with redirect_stdout(sys.stderr):
        try:
            # Made here rather than by git: what stands in it is nobody else's business.
            plan.settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            repo = plan.repo or repository.make(plan.settings.data.absolute() / "repo")
            platform, addresses = start(plan.settings, factory)
            say(f"The board: {addresses.board}")
            return _play(plan, origin(addresses), repo, out)
        except KeyboardInterrupt:
            say(f"Interrupted. Nothing is lost: `vapora up --data {plan.settings.data}` goes on with it.")
            return INTERRUPTED
        finally:
            if platform is not None:
                platform.stop()


def _play(plan: DemoPlan, url: str, repo: Path, out: IO[str]) -> int:
    from vapora.cli.demo import report as summary
    from vapora.cli.demo.collect import gather
    from vapora.cli.demo.follow import watch
    from vapora.commands import CreateProject
    from vapora.sdk import Client

    token = os.environ.get("VAPORA_TOKEN") or operator_token.read(plan.settings.data)
    with Client(url, token=token) as client:
        name = f"{_NAME} {time.strftime('%d %b %H:%M')}" if plan.repo is None else repo.name or _NAME
        project = client.create_project(CreateProject(name=name, repo=str(repo)))
        _set_budgets(client, plan.real)
        announce_spending(plan.settings, os.environ, url)
        began = time.monotonic()
        task_ids = _hand_in(client, project.id, plan.tasks)
        watch(client, project.id, task_ids, name, began, None if plan.as_json else out)
        told = gather(client, project.id, name, project.position, time.monotonic() - began)
    if plan.as_json:
        emit_json(told, out)
    else:
        drawn = summary.draw(told, str(plan.settings.data), task_ids[0])
        console(out).print("", drawn, sep="\n", crop=False)
    return GOOD if told.ok else FAILED


def _hand_in(client: Client, project_id: str, tasks: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    from vapora.sdk import ApiError

    made: list[str] = []
    for number, body in enumerate(tasks, start=1):
        try:
            made.append(client.submit_task({**body, "project_id": project_id}).task_id)
        except ApiError as error:
            stop(FAILED, f"Entry {number} of the backlog, {body['title']!r}, was refused: {error}")
    return tuple(made)


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
# A call's worst case is some ten times what it costs in the end (5 cents for a developer's). So these two run out of
# room after a few tasks and go on with the free model, while the others stay within their limits.
_REHEARSAL_CENTS = {"developer": 6, "documenter": 3}


def _tasks(backlog: Path | None) -> tuple[dict[str, Any], ...]:
    """Checked as a whole before anything is started: a wrong entry should not cost the wait for it."""
    from vapora.catalog import load_backlog

    bodies = load_backlog(backlog)
    for number, body in enumerate(bodies, start=1):
        try:
            SubmitTask.model_validate({**body, "project_id": "demo"})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            stop(USAGE, f"Entry {number} of the backlog, {body['title']!r}, cannot be used: {where}: {first['msg']}.")
    return tuple(bodies)


def _require_providers() -> None:
    from vapora.llm.factory import configured

    if not configured(os.environ):
        stop(
            USAGE,
            "--real needs a provider, and none is configured.",
            "Set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or OLLAMA_HOST; or leave --real out to rehearse.",
        )
