"""`vapora deploy`: an environment of kuberay/ in a Kubernetes cluster, by the workflows in kuberay/workflows/."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from vapora.cli.output import Json, emit, pair, say

if TYPE_CHECKING:
    from vapora.deploy.runner import Deployment, Planned, Standing
    from vapora.deploy.state import Revision

app = typer.Typer(help="Deploy an environment into a Kubernetes cluster.", no_args_is_help=True)

Environment = Annotated[str, typer.Argument(metavar="ENV", help="As in kuberay/environments.")]
Named = Annotated[str, typer.Option("--workflow", help="As in kuberay/workflows.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="An option of the workflow, beside the environment's file."),
]
Project = Annotated[Path, typer.Option(help="The folder that holds kuberay/.")]
Kept = Annotated[Path, typer.Option("--state", help="Where runs and revisions are remembered.")]
WithData = Annotated[
    bool,
    typer.Option("--remove-data", help="What the files no longer have goes, also where it holds data or secrets."),
]
Context = Annotated[str, typer.Option(help="Of the kubeconfig; absent: the current one.")]

_HERE, _STATE = Path(), Path(".vapora/deploy")


@app.command()
def plan(
    environment: Environment,
    workflow: Named = "deploy",
    options: Options = None,
    with_data: WithData = False,
    project: Project = _HERE,
    state: Kept = _STATE,
    context: Context = "",
    as_json: Json = False,
) -> None:
    """Show every step and what it would change. Nothing is changed."""
    with _deployment(environment, project, state, context) as deployment:
        chosen = _options(options)
        planned = deployment.plan(workflow, chosen)
        missing = deployment.missing(workflow, chosen)
        gone = deployment.gone(workflow, chosen, with_data=with_data).named()
        value = {"steps": [_plain(one) for one in planned], "missing": missing, **gone}
        lines = [Text(f"removed, since no file has it any more: {one}") for one in gone["removed"]]
        lines += [Text(f"left, though no file has it any more: {one} (--remove-data)") for one in gone["left"]]
        lines += [Text(f"to do first: {one}") for one in missing]
        emit(as_json, value, lambda: Group(*map(_shown, planned), *lines))


@app.command()
def apply(
    environment: Environment,
    workflow: Named = "deploy",
    options: Options = None,
    done: Annotated[
        list[str] | None, typer.Option("--done", metavar="STEP", help="A person's part of this step is done.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite-drift", help="Change back what others changed past this command.")
    ] = False,
    with_data: WithData = False,
    project: Project = _HERE,
    state: Kept = _STATE,
    context: Context = "",
    as_json: Json = False,
) -> None:
    """Run a workflow, or go on with the one that was interrupted."""
    with _deployment(environment, project, state, context) as deployment:
        revision = deployment.apply(workflow, _options(options), done or [], overwrite=overwrite, with_data=with_data)
        emit(as_json, revision, lambda: Text(f"{environment} is at revision {revision.number}."))


@app.command()
def status(
    environment: Environment,
    project: Project = _HERE,
    state: Kept = _STATE,
    context: Context = "",
    as_json: Json = False,
) -> None:
    """Which revision it is at, how far a run has come, what somebody changed past it, and what is not well. Ends with
    1 where anything of the last two is to be said."""
    with _deployment(environment, project, state, context) as deployment:
        standing = deployment.status()
        value = standing.state.model_dump(mode="json") | {
            "drift": {name: [str(one) for one in found] for name, found in standing.drift.items()},
            "unmet": standing.unmet,
        }
        emit(as_json, value, lambda: _standing(standing))
        if standing.drift or standing.unmet:
            raise typer.Exit(1)


@app.command()
def rollback(
    environment: Environment,
    project: Project = _HERE,
    state: Kept = _STATE,
    context: Context = "",
    as_json: Json = False,
) -> None:
    """Undo the run that is under way or failed; without one, go back to the good revision before this one."""
    with _deployment(environment, project, state, context) as deployment:
        revision: Revision | None = deployment.rollback()
        is_at = "before its first revision" if revision is None else f"at revision {revision.number}"
        emit(as_json, revision, lambda: Text(f"{environment} is {is_at}."))


@contextmanager
def _deployment(environment: str, project: Path, state: Path, context: str) -> Iterator[Deployment]:
    from vapora.deploy.cluster import Cluster
    from vapora.deploy.runner import Deployment
    from vapora.deploy.state import Store

    with Cluster(context) as cluster:
        yield Deployment(project, environment, cluster, Store(state, environment), say)


def _options(given: list[str] | None) -> dict[str, Any]:
    return dict(pair("--set", one) for one in given or ())


def _plain(one: Planned) -> dict[str, Any]:
    changes = {name: [str(change) for change in found] for name, found in one.changes.items()}
    return {"step": one.step.name, "says": one.step.says, "skipped": one.skipped, "changes": changes}


def _shown(one: Planned) -> RenderableType:
    lines = [Text(f"{one.step.name}: {one.skipped or one.step.says}", style="bold")]
    if one.step.person and not one.skipped:
        lines.append(Text(f"  a person: {one.step.person}"))
    if one.step.job and not one.skipped:
        lines.append(Text(f"  runs {one.step.job.cron} as a job"))
    for name, found in one.changes.items():
        lines.append(Text(f"  {name}: {'as it is' if not found else ''}"))
        lines += [Text(f"    {change}") for change in found]
    return Group(*lines)


def _standing(standing: Standing) -> RenderableType:
    state = standing.state
    lines = [
        Text(
            f"{state.environment} in {state.cluster}: "
            + (f"revision {state.good.number}, by {state.good.workflow}" if state.good else "nothing deployed yet")
        )
    ]
    if state.run:
        lines.append(Text(f"  a run of {state.run.workflow} is under way:"))
        lines += [Text(f"    {name}: {one.state} {one.why}".rstrip()) for name, one in state.run.steps.items()]
    for name, found in standing.drift.items():
        lines += [Text(f"  changed past us: {name}: {change}") for change in found]
    lines += [Text(f"  not well: {one}") for one in standing.unmet]
    return Group(*lines)
