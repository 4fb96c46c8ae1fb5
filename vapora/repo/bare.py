"""The bare repository of a project: ours, in the data folder, fetched from the one that the person named.

Their branches are in `refs/remotes/origin/`, those of tasks in `refs/heads/vapora/`. `refs/vapora/` holds what must not
be lost though no branch has it any more.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vapora.errors import BadInputError, NoWorktreeError, RepositoryError, SourceRefusedError, UnknownBranchError
from vapora.private_dirs import make_private
from vapora.repo.git import NETWORK_S, Done, Git
from vapora.repo.source import Source

_FETCHED = "refs/remotes/origin/"
_VAPORA = {"NAME": "VAPORA", "EMAIL": "vapora@localhost", "DATE": "2000-01-01T00:00:00Z"}
# The same for everybody, so that two first commits of an empty repository are one.
_NOBODY = {f"GIT_{one}_{what}": text for one in ("AUTHOR", "COMMITTER") for what, text in _VAPORA.items()}
# A task's id, with `.n` for the n-th attempt: part of a ref and of a folder's name.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,100}(\.[0-9]{1,4})?")
_MOST_TREES = 1_000
_OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands as author or committer in a commit."""

    name: str
    email: str

    def variables(self, what: str) -> dict[str, str]:
        def clean(text: str) -> str:
            return re.sub(r"[<>\n\x00]", "", text).strip() or "unknown"

        return {f"GIT_{what}_NAME": clean(self.name), f"GIT_{what}_EMAIL": clean(self.email)}


def person(text: str) -> Person:
    """From how git writes it: `Name <name@example.com>`."""
    name, _, email = text.partition("<")
    return Person(name.strip(), email.strip().removesuffix(">"))


@dataclass(frozen=True, slots=True)
class Base:
    """A branch of the source; `oid` is None while it has no commit."""

    branch: str
    oid: str | None


class Bare:
    def __init__(self, git: Git, folder: Path, source: Source) -> None:
        self.git = git
        self.dir = folder / "repo.git"
        self.source = source
        self._trees: dict[str, str] = {}

    def run(self, *arguments: str, **how: object) -> Done:
        return self.git.run(*arguments, git_dir=self.dir, **how)  # type: ignore[arg-type]

    # What is there.

    def resolve(self, ref: str) -> str | None:
        """The commit of a ref or an oid; None where there is none."""
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", ok=(0, 1, 128))
        return done.text if done.code == 0 else None

    def commit(self, oid: str) -> str:
        """`oid` itself, if it is the full id of a commit that is here; raises `NoWorktreeError`."""
        if not _OID.fullmatch(oid) or self.resolve(oid) is None:
            raise NoWorktreeError(f"There is no commit {oid!r} in the project's repository.", remedy="Read it again.")
        return oid

    def descends(self, commit: str, ancestor: str) -> bool:
        return self.run("merge-base", "--is-ancestor", ancestor, commit, ok=(0, 1)).code == 0

    def refs(self, prefix: str) -> dict[str, str]:
        """Ref → oid."""
        done = self.run("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        pairs = (line.rpartition(" ") for line in done.text.splitlines())
        return {ref: oid for ref, _, oid in pairs}

    def base(self, branch: str | None) -> Base:
        """The source's branch, or the one that it has checked out; raises `UnknownBranchError`."""
        head = self._head_branch()
        if branch is None and head is None:
            raise UnknownBranchError(
                "The repository has no branch checked out (its HEAD is detached): it is not clear where work begins.",
                remedy="Set base_branch.",
            )
        name = (head or "") if branch is None else branch
        oid = self.resolve(_FETCHED + name) if _is_branch(name) else None
        # A repository without a commit has a branch all the same: the one that its first commit will be on.
        if oid is None and (name != head or self.refs(_FETCHED)):
            there = sorted(ref.removeprefix(_FETCHED) for ref in self.refs(_FETCHED))
            names = ", ".join(there[:10]) or "none: it has no commit"
            raise UnknownBranchError(f"There is no branch {name!r}.", remedy=f"Set base_branch; there are {names}.")
        return Base(name, oid)

    def _head_branch(self) -> str | None:
        """Which branch the source has checked out, as of the last fetch."""
        done = self.run("config", "--get", "vapora.head", ok=(0, 1))
        return done.text or None

    # Changing refs.

    def update(self, changes: Mapping[str, tuple[str | None, str | None]], reason: str) -> None:
        """All refs or none: ref → (new, old). None as new deletes, as old says that there must not be one.

        Raises `TargetMovedError` where a ref is not at `old`.
        """
        lines = []
        for ref, (new, old) in changes.items():
            if new is None:
                lines.append(f"delete {ref} {old}")
            else:
                lines.append(f"update {ref} {new} {old or '0' * len(new)}")
        self.run(
            "update-ref",
            "--stdin",
            "--create-reflog",
            "-m",
            reason,
            stdin="".join(f"{line}\n" for line in lines).encode(),
        )

    def set_ref(self, ref: str, oid: str) -> None:
        """Whatever it was before."""
        self.run("update-ref", "-m", "vapora", ref, oid)

    def keep(self, name: str, oid: str) -> str:
        """A ref that holds the commit for good, for what no branch has any more."""
        ref = f"refs/vapora/kept/{name}/{oid[:20]}"
        self.set_ref(ref, oid)
        return ref

    # From the source.

    def make(self) -> None:
        """Clones the source, if that was not done before. A clone that was not finished leaves nothing."""
        if self.dir.exists():
            known = self.run("config", "--get", "vapora.source", ok=(0, 1)).text
            if known != self.source.where:
                raise SourceRefusedError(
                    f"The project's repository was made from {known}, not from {self.source.where}.",
                    remedy="Make another project for another repository.",
                )
            return
        make_private(self.dir.parent)
        unfinished = self.dir.with_name("clone")
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            # A clone of a path shares the files of its objects (hard links) where both are on one disk.
            self.git.run(
                *("clone", "--quiet", "--bare", "--no-tags", "--template=", "--", self.source.where, str(unfinished)),
                timeout_s=NETWORK_S,
                as_person=True,
                remote=self.source.where,
            )
            bare = Bare(self.git, self.dir.parent, self.source)
            bare.dir = unfinished
            bare._settle()
            unfinished.rename(self.dir)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise

    def _settle(self) -> None:
        """Turns a fresh clone into one of ours: the branches are the source's, its own HEAD is on none."""
        self.dir.chmod(0o700)
        branches = self.refs("refs/heads/")
        head = self._head_of_source() if branches else self.run("symbolic-ref", "HEAD").text
        moves: dict[str, tuple[str | None, str | None]] = {}
        for ref, oid in branches.items():
            moves[_FETCHED + ref.removeprefix("refs/heads/")] = (oid, None)
            moves[ref] = (None, oid)
        # Not on a branch, which could then not be deleted, and which a worktree could not use.
        self.run("symbolic-ref", "HEAD", "refs/heads/vapora-none")
        if moves:
            self.update(moves, "clone")
        with suppress(RepositoryError):
            self.run("remote", "remove", "origin")
        self.run("config", "vapora.source", self.source.where)
        self.run("config", "vapora.head", head.removeprefix("refs/heads/"))

    def _head_of_source(self) -> str:
        """The ref that it has checked out; empty where its HEAD is detached, in which case a clone guesses one."""
        listing = ("ls-remote", "--symref", "--", self.source.where, "HEAD")
        told = self.run(*listing, timeout_s=NETWORK_S, as_person=True, remote=self.source.where).text
        found = re.match(r"ref: (refs/heads/\S+)\tHEAD", told)
        return found[1] if found else ""

    def fetch(self) -> None:
        """Brings the source's branches up to date, and drops those that it no longer has."""
        options = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
        self.run(
            *("fetch", *options, "--", self.source.where, f"+refs/heads/*:{_FETCHED}*"),
            timeout_s=NETWORK_S,
            as_person=True,
            remote=self.source.where,
        )

    # Small things that several modules need.

    def empty_root(self) -> str:
        """A commit without files, for a repository that has none yet: the same one every time."""
        tree = self.run("mktree").text
        return self.run("commit-tree", tree, "-m", "Begin", variables=_NOBODY).text

    def tree(self, commit: str) -> str:
        """Of a commit, by its full id."""
        known = self._trees.get(commit)
        return known or self._remember(commit, self.run("rev-parse", f"{commit}^{{tree}}").text)

    def _remember(self, commit: str, tree: str) -> str:
        """What a commit holds never changes; asking git takes a process."""
        if len(self._trees) >= _MOST_TREES:
            self._trees.clear()
        self._trees[commit] = tree
        return tree

    def make_commit(self, tree: str, parents: Sequence[str], message: str, variables: Mapping[str, str]) -> str:
        """`variables` say who and when, as git's environment has it."""
        named = [part for one in parents for part in ("-p", one)]
        made = self.run("commit-tree", tree, *named, "-F", "-", stdin=message.encode(), variables=variables).text
        self._remember(made, tree)
        return made


def branch_name(name: str) -> str:
    """Of the branch that a worktree of this name is for."""
    return f"vapora/{name}"


def branch_ref(name: str) -> str:
    return f"refs/heads/{branch_name(name)}"


def base_ref(name: str) -> str:
    return f"refs/vapora/base/{name}"


def fetched_ref(branch: str) -> str:
    return _FETCHED + branch


def check_name(name: str) -> str:
    """The name of a worktree and of its branch; raises `BadInputError`."""
    if not _NAME.fullmatch(name) or name.endswith(".lock"):
        raise BadInputError(f"{name!r} cannot name a worktree.", remedy="Use a task's id, and .n for its n-th attempt.")
    return name


def _is_branch(name: str) -> bool:
    """Whether it can be part of a ref; git's own rules reject the rest."""
    return bool(name) and not name.startswith("-") and not re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//", name)
