"""The packages that are installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, package
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table, format_instant
from vapora import views

PACKAGES = Table(
    "packages",
    key=("id",),
    columns={
        "id": "text",
        "kind": "text",
        "name": "text",
        "version": "text",
        "description": "text",
        "source": "text",
        "digest": "text",
        "makes": "text",
        "config": "json",
        "may": "json",
        "removed": "int",
        "installed_by": "text",
        "installed_at": "text",
        "updated_at": "text",
    },
)


def _installed(recorded: Recorded, event: package.PackageInstalled, rows: Rows) -> None:
    at = format_instant(recorded.recorded_at)
    rows.put(
        PACKAGES,
        {
            "id": event.package_id,
            "kind": event.kind,
            "makes": event.makes,
            "config": {},
            "removed": 0,
            "installed_by": recorded.actor,
            "installed_at": at,
            "updated_at": at,
            **_said(event),
        },
    )


def _upgraded(recorded: Recorded, event: package.PackageUpgraded, rows: Rows) -> None:
    _change(recorded, rows, event.package_id, **_said(event))


def _configured(recorded: Recorded, event: package.PackageConfigured, rows: Rows) -> None:
    _change(recorded, rows, event.package_id, config=event.config)


def _removed(recorded: Recorded, event: package.PackageRemoved, rows: Rows) -> None:
    """It keeps its row, so that sockets hear of it."""
    _change(recorded, rows, event.package_id, removed=1)


def _said(event: package.PackageInstalled | package.PackageUpgraded) -> dict[str, Any]:
    fields = {"name", "version", "description", "source", "digest", "may"}
    return event.model_dump(mode="json", include=fields)


def _change(recorded: Recorded, rows: Rows, package_id: str, **changes: Any) -> None:
    row = rows.get(PACKAGES, (package_id,))
    if row is not None:
        rows.put(PACKAGES, {**row, **changes, "updated_at": format_instant(recorded.recorded_at)})


def _view(row: Row) -> views.InstalledPackage:
    return views.InstalledPackage.model_validate({name: row[name] for name in views.InstalledPackage.model_fields})


def _live(row: Row) -> dict[str, Any]:
    if row["removed"]:
        return {"id": row["id"], "removed": True, "position": row["position"]}
    return _view(row).model_dump(mode="json")


class Packages(Projection):
    NAME = "packages"
    VERSION = 1
    TABLES = (PACKAGES,)
    VIEWS = (PublicView("package", PACKAGES, _live, lambda row: bool(row["removed"])),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        package.PackageInstalled: _installed,
        package.PackageUpgraded: _upgraded,
        package.PackageConfigured: _configured,
        package.PackageRemoved: _removed,
    }


def installed(rows: Reader) -> dict[str, views.InstalledPackage]:
    return {row["id"]: _view(row) for row in rows.select(PACKAGES, {"removed": 0})}
