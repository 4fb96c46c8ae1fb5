"""`vapora marketplace`: packages of agents, tools and workflows."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Group, RenderableType

from vapora.cli.output import FAILED, USAGE, Json, cell, emit, pair, stop, table
from vapora.cli.remote import connect
from vapora.commands import ConfigurePackage
from vapora.views import MayDo, PackageSummary, PackageView

app = typer.Typer(
    help="Packages of agents, tools and workflows; without a command, lists them.", invoke_without_command=True
)

PackageId = Annotated[str, typer.Argument(metavar="PACKAGE", help="Its id.")]
Kind = Annotated[str | None, typer.Option(help="agent, tool or workflow.")]
Digest = Annotated[str | None, typer.Option(help="What was looked at; without it, what is shown now is accepted.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Accept what it may do without being asked.")]
_KINDS = ("agent", "tool", "workflow")


@app.callback()
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        _list(None, as_json)


@app.command("list")
def list_packages(kind: Kind = None, as_json: Json = False) -> None:
    """What is on offer, and what is installed."""
    _list(kind, as_json)


@app.command()
def show(package: PackageId, as_json: Json = False) -> None:
    """One of them: what it is, and what it may do."""
    with connect() as client:
        found = client.package(package)
    emit(as_json, found, lambda: _drawn(found))


@app.command()
def install(package: PackageId, digest: Digest = None, yes: Yes = False, as_json: Json = False) -> None:
    """Accept what it may do, and install it."""
    with connect() as client:
        seen = _accepted(client.package(package), digest, yes or as_json, "Install")
        made = client.install_package(package, seen)
    emit(as_json, made, lambda: f"Installed {made.name} {made.installed_version}: {_made(made)}.")


@app.command()
def upgrade(package: PackageId, digest: Digest = None, yes: Yes = False, as_json: Json = False) -> None:
    """Accept what the version on offer may do, and go on with that."""
    with connect() as client:
        seen = _accepted(client.package(package), digest, yes or as_json, "Upgrade to")
        made = client.upgrade_package(package, seen)
    emit(as_json, made, lambda: f"{made.name} is at {made.installed_version} now.")


@app.command()
def configure(
    package: PackageId,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting; VALUE is JSON, else a text.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="First back to what its manifest says.")] = False,
    as_json: Json = False,
) -> None:
    """Have it differ from its manifest; what is not named stays."""
    if not setting and not reset:
        stop(USAGE, "Name a setting: --set temperature=0.2. Or --reset.")
    said = dict(pair("--set", one) for one in setting or ())
    with connect() as client:
        found = client.package(package)
        try:
            config = ConfigurePackage.model_validate(({} if reset else dict(found.config)) | said)
        except ValidationError as error:
            first = error.errors()[0]
            stop(USAGE, f"{'.'.join(map(str, first['loc']))}: {first['msg']}. It has: {', '.join(found.settings)}.")
        made = client.configure_package(package, config)
    emit(as_json, made, lambda: json.dumps(made.config, indent=2, ensure_ascii=False))


@app.command()
def remove(package: PackageId, as_json: Json = False) -> None:
    """Remove it with what it set up; its agent ends what it has."""
    with connect() as client:
        position = client.remove_package(package)
    emit(as_json, {"id": package, "position": position}, lambda: f"Removed {package}.")


@app.command()
def refresh(as_json: Json = False) -> None:
    """Fetch the git repositories that the installation names as sources. Nothing is installed by that."""
    with connect() as client:
        found = client.refresh_marketplace()
    emit(as_json, found, lambda: "\n".join(f"{one}: {why}" for one, why in found.problems.items()) or "Fetched.")
    if found.problems:
        raise typer.Exit(FAILED)


def _list(kind: str | None, as_json: bool) -> None:
    if kind is not None and kind not in _KINDS:
        stop(USAGE, f"--kind takes {', '.join(_KINDS)}, not {kind!r}.")
    with connect() as client:
        found = client.marketplace(kind)  # type: ignore[arg-type]  # one of them
    emit(as_json, {"items": found}, lambda: _listed(found))


def _accepted(found: PackageView, digest: str | None, yes: bool, what: str) -> str:
    """The digest of what was shown, once a person has said so."""
    if digest is None and not yes:
        typer.echo(f"{found.name} {found.version} ({found.kind}) from {found.source} may:")
        typer.echo("\n".join(_may(found.may)) or "  nothing but answer.")
        if not typer.confirm(f"{what} {found.name} {found.version}?"):
            stop(FAILED, "Nothing was changed.")
    return digest or found.digest


def _made(found: PackageSummary) -> str:
    kind = {"agent": "the agent", "tool": "the server", "workflow": "the workflow"}[found.kind or "agent"]
    return f"{kind} {found.makes}"


def _may(may: MayDo) -> list[str]:
    told = {
        "use the tools": may.tools,
        "reach": may.network,
        "write": may.writes,
        "run": may.commands,
        "be given the secrets": may.secrets,
    }
    lines = [f"  {what}: {', '.join(map(cell, one))}" for what, one in told.items() if one]
    return [*lines, f"  it needs: {cell(may.requires)}"] if may.requires else lines


def _listed(found: tuple[PackageSummary, ...]) -> RenderableType:
    shown = table("Marketplace", "id", "kind", "version", "installed", "what it is for", fixed=("id",))
    for one in found:
        state = (one.installed_version or "") + (" (upgrade)" if one.upgradable else "")
        shown.add_row(cell(one.id), one.kind or "?", cell(one.version), state, cell(one.problem or one.description))
    return shown


def _drawn(found: PackageView) -> RenderableType:
    parts: list[RenderableType] = [
        f"{cell(found.name)} {found.version} ({found.kind}) from {cell(found.source)}",
        cell(found.description),
        f"digest {found.digest}",
    ]
    if found.problem:
        parts.append(f"It cannot be taken: {cell(found.problem)}")
    parts.append("It may:\n" + ("\n".join(_may(found.may)) or "  nothing but answer."))
    if found.installed:
        parts.append(f"Installed in version {found.installed_version}: {_made(found)}.")
        parts.append(f"Configuration: {json.dumps(found.config, ensure_ascii=False)}")
    parts.append(f"Settings: {', '.join(found.settings) or 'none'}")
    return Group(*parts)
