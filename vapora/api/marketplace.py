"""The marketplace: packages of agents, tools and workflows, on offer and installed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Body, Depends, Path, Query

from projections import packages as model
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FreshCell, Limit, Operator, PostKey, Writer, Writing
from vapora.api.forms import Flag
from vapora.api.pages import page_of
from vapora.commands.packages import ConfigurePackage, InstallPackage, UpgradePackage
from vapora.errors import NotFoundError
from vapora.marketplace import Offer, config_schema, may_do, settings_of
from vapora.views import (
    Accepted,
    InstalledPackage,
    MayDo,
    PackageSummary,
    PackageView,
    Page,
    ShelfRefreshed,
)

router = APIRouter(prefix="/marketplace", tags=["marketplace"])

PackageId = Annotated[str, Path(description="The package's id.", max_length=200)]
InstallBody = Annotated[InstallPackage, Body(default_factory=InstallPackage)]
UpgradeBody = Annotated[UpgradePackage, Body(default_factory=UpgradePackage)]
Operators = Annotated[Operator, Depends(Operator)]
_LONGEST_TEXT = 200_000


@router.get("", summary="List the packages")
async def list_marketplace(
    cell: FreshCell,
    kind: Annotated[
        Literal["agent", "tool", "workflow"] | None, Query(description="Of this kind: agent, tool or workflow.")
    ] = None,
    installed: Annotated[Flag | None, Query(description="True: those that are installed. False: the others.")] = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[PackageSummary]:
    """What is on offer and what is installed, with what each may do. Nothing is fetched for it."""
    here = await cell.read(model.installed)
    offers = await _offers(cell, here)
    found = [_summary(offers.get(one), here.get(one), one) for one in sorted({*offers, *here})]
    found = [one for one in found if kind in (None, one.kind) and installed in (None, one.installed)]
    return page_of(found, lambda one: one.id, limit, cursor)


@router.post("", summary="Fetch what is on offer")
async def refresh_marketplace(writing: Writing, key: PostKey) -> ShelfRefreshed:
    """The git repositories that the installation names as sources of packages; nothing is installed by that."""
    problems = await to_thread.run_sync(writing.cell.shelf.refresh)
    head = await writing.cell.log.head()
    writing.wrote(head)
    offers = await to_thread.run_sync(writing.cell.shelf.offers)
    return ShelfRefreshed(packages=len(offers), problems=problems, position=head)


@router.get("/{package}", summary="Show a package")
async def get_package(package: PackageId, cell: FreshCell) -> PackageView:
    """With its manifest, its texts, and what it may do."""
    here = await cell.read(model.installed)
    return await _shown(cell, package, here.get(package))


@router.post("/{package}/install", summary="Install a package")
async def install_package(
    package: PackageId, body: InstallBody, writing: Writing, operator: Operators, key: PostKey
) -> PackageView:
    """Whoever installs it accepts what it may do: as it is shown now, or as it was under `digest`. What it sets up is
    there at once. One of tools has commands run on the server."""
    offer = await _offer(writing.cell, package)
    await _require_commands(offer, operator)
    accepted = await writing.cell.packages.install(writing.origin, offer, body.digest, key)
    return await _as_written(writing, accepted)


@router.post("/{package}/upgrade", summary="Upgrade a package")
async def upgrade_package(
    package: PackageId, body: UpgradeBody, writing: Writing, operator: Operators, key: PostKey
) -> PackageView:
    """To what is on offer now. Its configuration stays; runs that are under way end on the version that they began
    with."""
    offer = await _offer(writing.cell, package)
    await _require_commands(offer, operator)
    accepted = await writing.cell.packages.upgrade(writing.origin, offer, body.digest, key)
    return await _as_written(writing, accepted)


@router.put("/{package}/config", summary="Configure a package")
async def configure_package(
    package: PackageId, body: ConfigurePackage, writing: Writing, operator: Operators
) -> PackageView:
    """All that is to differ from its manifest; what is left out is as that says. Holds for what begins from now on."""
    if body.server is not None:
        await operator.require()
    accepted = await writing.cell.packages.configure(writing.origin, package, body, writing.key)
    return await _as_written(writing, accepted)


@router.delete("/{package}", summary="Remove a package")
async def remove_package(package: PackageId, writing: Writing) -> Accepted:
    """With what it set up. Its agent gets nothing new, and ends what it has."""
    accepted = await writing.cell.packages.remove(writing.origin, package, writing.key)
    writing.wrote(accepted.position)
    return accepted


async def _require_commands(offer: Offer, operator: Operator) -> None:
    """What starts processes, or speaks to other servers, is for whoever may have commands run."""
    if offer.manifest is not None and offer.manifest.kind == "tool":
        await operator.require()


async def _offers(cell: Cell, here: dict[str, InstalledPackage]) -> dict[str, Offer]:
    return await to_thread.run_sync(cell.shelf.offers, {one.id: one.source for one in here.values()})


async def _offer(cell: Cell, package: str) -> Offer:
    state = (await cell.packages.load(package)).state
    source = {} if state is None or state.removed else {package: state.source}
    found = (await to_thread.run_sync(cell.shelf.offers, source)).get(package)
    if found is None:
        raise _unknown(package)
    return found


async def _as_written(writing: Writer, accepted: Accepted) -> PackageView:
    writing.wrote(accepted.position)
    await writing.cell.wait_for(accepted.position)
    here = await writing.cell.read(model.installed)
    shown = await _shown(writing.cell, accepted.id, here.get(accepted.id))
    return shown.model_copy(update={"position": accepted.position})


async def _shown(cell: Cell, package: str, here: InstalledPackage | None) -> PackageView:
    offer = (await _offers(cell, {} if here is None else {package: here})).get(package)
    if offer is None and here is None:
        raise _unknown(package)
    summary = _summary(offer, here, package)
    shown = offer
    if here is not None and (offer is None or offer.manifest is None):
        state = (await cell.packages.load(package)).state
        shown = None if state is None else await cell.packages.stored(state)
    manifest = None if shown is None else shown.manifest
    return PackageView(
        **summary.model_dump(),
        manifest={} if manifest is None else manifest.model_dump(mode="json", exclude_none=True),
        texts={} if shown is None else _texts(shown),
        settings=() if manifest is None else settings_of(manifest),
        config_schema={} if manifest is None else config_schema(manifest),
        config={} if here is None else here.config,
        installed_by=None if here is None else here.installed_by,
        installed_at=None if here is None else here.installed_at,
        updated_at=None if here is None else here.updated_at,
        position=0 if here is None else here.position,
    )


def _texts(offer: Offer) -> dict[str, str]:
    found = {}
    for path, data in sorted(offer.files.items()):
        if path.endswith((".md", ".toml", ".txt")) and len(data) <= _LONGEST_TEXT:
            found[path] = data.decode("utf-8", "replace")
    return found


def _summary(offer: Offer | None, here: InstalledPackage | None, package: str) -> PackageSummary:
    manifest = None if offer is None else offer.manifest
    told: dict[str, Any] = {"id": package, "installed": here is not None}
    if here is not None:
        told |= {"installed_version": here.version, "makes": here.makes}
    if offer is not None and manifest is not None:
        agent = manifest.agent
        told |= {
            "name": manifest.name,
            "version": manifest.version,
            "kind": manifest.kind,
            "description": manifest.description,
            "source": offer.source,
            "digest": offer.digest,
            "role": None if agent is None else agent.role,
            "task_types": () if agent is None else agent.task_types,
            "may": MayDo.model_validate(may_do(manifest)),
            "upgradable": here is not None and here.digest != offer.digest and not offer.problem,
        }
    elif here is not None:
        fields = ("name", "version", "kind", "description", "source", "digest", "may")
        told |= {name: getattr(here, name) for name in fields}
    else:
        assert offer is not None
        empty: dict[str, Any] = {"name": package, "version": "", "kind": None, "description": "", "may": MayDo()}
        told |= empty | {"source": offer.source, "digest": offer.digest}
    return PackageSummary(**told, problem="" if offer is None else offer.problem)


def _unknown(package: str) -> NotFoundError:
    return NotFoundError(f"There is no package '{package[:200]}'.", remedy="List the marketplace.")
