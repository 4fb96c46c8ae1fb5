"""Made from async_packages.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Packages(Transport):
    """Packages of agents, tools and workflows."""

    def marketplace(self, kind: views.PackageKind | None = None, after: Position = None) -> Rows[views.PackageSummary]:
        """What is on offer and what is installed."""
        return self._all("/marketplace", views.PackageSummary, {"kind": kind, "after": after})

    def package(self, package_id: str, after: Position = None) -> views.PackageView:
        """With its manifest, its texts, and what it may do."""
        return self._get(path("marketplace", package_id), views.PackageView, {"after": after})

    def install_package(self, package_id: str, digest: str | None = None, key: str | None = None) -> views.PackageView:
        """Accepts what it may do: as it was under `digest`, or as it is shown now."""
        body = commands.InstallPackage(digest=digest)
        return self._ask("POST", path("marketplace", package_id, "install"), views.PackageView, body, key)

    def upgrade_package(self, package_id: str, digest: str | None = None, key: str | None = None) -> views.PackageView:
        """To what is on offer now; runs that are under way end on the version that they began with."""
        body = commands.UpgradePackage(digest=digest)
        return self._ask("POST", path("marketplace", package_id, "upgrade"), views.PackageView, body, key)

    def configure_package(self, package_id: str, config: commands.ConfigurePackage) -> views.PackageView:
        """All that is to differ from its manifest."""
        return self._ask("PUT", path("marketplace", package_id, "config"), views.PackageView, config)

    def remove_package(self, package_id: str) -> int:
        """With what it set up. Gives the position."""
        return self._write("DELETE", path("marketplace", package_id))

    def refresh_marketplace(self, key: str | None = None) -> views.ShelfRefreshed:
        """Fetches the git repositories that the installation names as sources; installs nothing."""
        return self._ask("POST", "/marketplace", views.ShelfRefreshed, None, key)
