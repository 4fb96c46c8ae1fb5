"""The one who runs git and commands."""

from __future__ import annotations

from datetime import timedelta

from actors.composition.wiring import Wiring
from actors.repositories import Repositories
from actors.repositories.logins import SecretLogins
from actors.repositories.open import OpenRepositories
from actors.runtime.base import Address
from actors.snapshots import saved_landings
from vapora.clock import now
from vapora.repo.bare import person
from vapora.repo.branch_bundles import BranchBundles


def build_repositories(wiring: Wiring, address: Address) -> Repositories:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    branches = settings.branches(workspace)
    opened = OpenRepositories(
        log,
        settings.repositories_folder(workspace),
        # The demo makes its repository in the data folder; whoever starts VAPORA on that folder means it.
        roots=(*settings.repo_roots, settings.data.absolute()),
        environ=wiring.environ,
        committer=person(settings.committer),
        sandbox=settings.sandbox,
        text=wiring.blobs(workspace).text,
        snapshots=settings.stream_snapshots(workspace),
        logins=SecretLogins(wiring.secrets("repositories"), workspace),
        bundles=None if branches is None else BranchBundles(branches),
    )
    return Repositories(
        log,
        workspace,
        opened,
        wiring.blobs(workspace),
        now,
        saved=saved_landings(settings.snapshots(workspace)),
        keep=timedelta(days=settings.worktree_days),
    )
