"""Our repositories as files of their own, for a backup: a bundle of all refs, and the configuration beside it.

A bundle holds one moment of a repository that goes on being used. What is not committed in a worktree is not in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from vapora.private_dirs import make_private
from vapora.repo.git import Git

BUNDLE, CONFIG = "repo.bundle", "repo.config"
_REPOSITORY = "repo.git"
_PATIENCE_S = 600.0


def projects(folder: Path) -> Iterator[str]:
    """Those of a workspace that have a repository with something in it; `folder`: where they all are."""
    for config in sorted(folder.glob(f"*/{_REPOSITORY}/config")):
        yield config.parent.parent.name


def save(environ: Mapping[str, str], project: Path, target: Path) -> bool:
    """Writes bundle and configuration of the project's repository into the folder `target`. False: it has no commit,
    and nothing is written."""
    git, repository = Git(environ), project / _REPOSITORY
    if not git.run("for-each-ref", "--count=1", git_dir=repository).text:
        return False
    make_private(target)
    git.run("bundle", "create", "--quiet", str(target / BUNDLE), "--all", git_dir=repository, timeout_s=_PATIENCE_S)
    shutil.copyfile(repository / "config", target / CONFIG)
    return True


def restore(environ: Mapping[str, str], source: Path, project: Path) -> bool:
    """Makes the project's repository of what `save` wrote into `source`, all of it or nothing. False: there is one
    already, which stays."""
    repository = project / _REPOSITORY
    if repository.exists():
        return False
    make_private(project)
    draft = project / "restored"
    shutil.rmtree(draft, ignore_errors=True)
    git = Git(environ)
    git.run("init", "--quiet", "--bare", "--template=", str(draft))
    draft.chmod(0o700)
    git.run("fetch", "--quiet", str(source / BUNDLE), "+refs/*:refs/*", git_dir=draft, timeout_s=_PATIENCE_S)
    shutil.copyfile(source / CONFIG, draft / "config")
    # Not on a branch, which could then not be deleted, and which a worktree could not use.
    git.run("symbolic-ref", "HEAD", "refs/heads/vapora-none", git_dir=draft)
    draft.rename(repository)
    return True
