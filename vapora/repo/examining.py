"""Whether a source can be worked with, found out without keeping anything of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vapora.errors import UnknownBranchError
from vapora.repo.git import NETWORK_S, Git
from vapora.repo.logins import Logins, nobodys
from vapora.repo.source import Source
from vapora.repo.words import listed

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Examination:
    """`base_branch`: as asked for, else the one that is checked out. `head` None: it has no commit yet."""

    base_branch: str
    head: str | None
    branches: tuple[str, ...]


def examine(
    source: Source, environ: Mapping[str, str], base_branch: str | None = None, logins: Logins = nobodys
) -> Examination:
    """Asks the source for its branches. Raises `NotARepositoryError`, `CredentialsNeededError`, `UnknownBranchError`,
    and what else git has to say."""
    git = Git(environ, logins=logins)
    told = git.run(
        *("ls-remote", "--symref", "--", source.where, "HEAD", f"{_HEADS}*"),
        timeout_s=NETWORK_S,
        as_person=True,
        remote=source.where,
    ).text
    current, heads = "", dict[str, str]()
    for line in told.splitlines():
        value, _, ref = line.partition("\t")
        if ref == "HEAD" and value.startswith("ref: "):
            current = value.removeprefix("ref: ").removeprefix(_HEADS)
        elif ref.startswith(_HEADS):
            heads[ref.removeprefix(_HEADS)] = value
    if not heads and source.kind == "path":
        # The branch that its first commit will be on.
        current = git.run("-C", source.where, "symbolic-ref", "--short", "HEAD", ok=(0, 1, 128), as_person=True).text
    branch = base_branch or current or ("main" if not heads else "")
    if not branch:
        raise UnknownBranchError(
            "The repository has no branch checked out (its HEAD is detached): it is not clear where work begins.",
            remedy="Set base_branch.",
        )
    if heads and branch not in heads:
        raise UnknownBranchError(
            f"The repository has no branch {branch!r}.", remedy=f"It has {listed(heads)}.", branches=list(heads)[:50]
        )
    return Examination(branch, heads.get(branch), tuple(heads))
