"""Branches of cards in the object store: what nobody merged or pushed yet outlives the folder that it was made in.

    <project>/<worktree>/<base>.<head>.<sha256>.bundle

A bundle holds the commits from the base on, whose own history every clone of the source has. Its name says between
which commits it goes and what its bytes are, so that another one is never taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory

from vapora.errors import RepositoryError
from vapora.objects import Objects
from vapora.repo.bare import base_ref, branch_ref
from vapora.repo.owner import Repository

_NAME = re.compile(
    r"(?P<worktree>[a-z0-9][a-z0-9_.-]*)/(?P<base>[0-9a-f]{40,64})\.(?P<head>[0-9a-f]{40,64})\.(?P<sha256>[0-9a-f]{64})\.bundle"
)
_PATIENCE_S = 600.0


@dataclass(frozen=True, slots=True)
class Saved:
    """One branch as it was saved last; `name` is that of its object."""

    name: str
    worktree: str
    base: str
    head: str
    sha256: str


class BranchBundles:
    """Of a workspace. Blocking. Every method raises `LogError` where the store cannot be used."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def save(self, project: str, repository: Repository, worktree: str) -> None:
        """Nothing where the branch has no commit of its own, or is saved as it is."""
        base, head = repository.bare.resolve(base_ref(worktree)), repository.bare.resolve(branch_ref(worktree))
        if base is None or head is None or base == head:
            return
        before = list(self._saved(project, worktree))
        if any((one.base, one.head) == (base, head) for one in before):
            return
        with TemporaryDirectory(prefix="vapora-branch-") as folder:
            file = Path(folder) / "branch.bundle"
            create = ("bundle", "create", "--quiet", str(file), branch_ref(worktree), f"^{base}")
            repository.bare.run(*create, timeout_s=_PATIENCE_S)
            self._objects.take(f"{project}/{worktree}/{base}.{head}.{_digest(file)}.bundle", file)
        # Behind the new one: there is always one.
        for one in before:
            self._objects.remove(one.name)

    def saved(self, project: str) -> dict[str, Saved]:
        """By worktree."""
        return {one.worktree: one for one in self._saved(project)}

    def forget(self, project: str, worktree: str) -> None:
        for one in self._saved(project, worktree):
            self._objects.remove(one.name)

    def restore(self, saved: Saved, repository: Repository) -> bool:
        """The branch as it was saved, where it is not here or lags behind; whether anything was done.

        Raises `RepositoryError` for a bundle that is not what was saved, or does not fit; then nothing was changed.
        """
        bare, ref = repository.bare, branch_ref(saved.worktree)
        here = bare.resolve(ref)
        if here is not None and (here == saved.head or self._is_ahead(repository, here, saved.head)):
            return False
        with TemporaryDirectory(prefix="vapora-branch-") as folder:
            file = Path(folder) / "branch.bundle"
            if not self._objects.fetch(saved.name, file) or _digest(file) != saved.sha256:
                raise self._refused(saved, "it is not what was saved")
            if bare.resolve(saved.base) is None:
                bare.fetch()
            if bare.resolve(saved.base) is None:
                raise self._refused(saved, f"the commit {saved.base[:12]}, on which it stands, is not in the source")
            there = f"refs/vapora/restored/{saved.worktree}"
            try:
                bare.run(
                    *("-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags", str(file), f"+{ref}:{there}"),
                    timeout_s=_PATIENCE_S,
                )
            except RepositoryError as error:
                raise self._refused(saved, error.message) from error
            found = bare.resolve(there)
            try:
                if found != saved.head or not bare.descends(saved.head, saved.base):
                    raise self._refused(saved, "it holds another commit than its name says")
                if here is not None and not bare.descends(saved.head, here):
                    # What is here and not there was made while the store was away.
                    return False
                old = bare.resolve(base_ref(saved.worktree))
                bare.update({ref: (saved.head, here), base_ref(saved.worktree): (saved.base, old)}, "restore")
            finally:
                if found is not None:
                    bare.update({there: (None, found)}, "restored")
        return True

    def _is_ahead(self, repository: Repository, here: str, saved: str) -> bool:
        return repository.bare.resolve(saved) is not None and repository.bare.descends(here, saved)

    def _refused(self, saved: Saved, why: str) -> RepositoryError:
        return RepositoryError(
            f"The branch of {saved.worktree} cannot be restored from {self._objects}/{saved.name}: {why}.",
            remedy="Put the bundle back as it was, or remove it and have the task done anew.",
        )

    def _saved(self, project: str, worktree: str = "") -> Iterator[Saved]:
        """The newest last."""
        below = f"{project}/"
        prefix = f"{below}{worktree}/" if worktree else below
        for one in sorted(self._objects.listed(prefix), key=lambda one: one.modified_at):
            if (found := _NAME.fullmatch(one.name.removeprefix(below))) is not None:
                yield Saved(one.name, **found.groupdict())


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()
