"""What a branch changed: files, patch, commits, and whether it would merge. All of it without a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vapora.errors import MergeConflictError, NotFoundError
from vapora.repo.bare import Bare
from vapora.repo.words import listed, shown

MOST_FILES = 2_000
PATCH_BYTES = 1_000_000
FILE_BYTES = 1_000_000

Status = Literal["added", "modified", "deleted", "renamed", "copied", "type-changed"]
_STATUS: dict[str, Status] = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "R": "renamed",
    "C": "copied",
    "T": "type-changed",
}
# Neither programs that a person's configuration names for a kind of file, nor anything of nested repositories.
PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty", "-M")


@dataclass(frozen=True, slots=True)
class FileChange:
    """`additions` and `deletions` are lines, 0 for a binary file. Paths that are not UTF-8 are shown with `\\xNN`."""

    path: str
    old_path: str | None
    status: Status
    additions: int
    deletions: int
    binary: bool


@dataclass(frozen=True, slots=True)
class BranchCommit:
    """`trailers` are those of the message's last paragraph."""

    oid: str
    subject: str
    at: datetime
    trailers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """From `base` to `head`. `truncated`: files or patch are not all of it."""

    base: str
    head: str
    files: tuple[FileChange, ...]
    patch: str
    truncated: bool


def compare(bare: Bare, base: str, head: str, *, patch_bytes: int = PATCH_BYTES) -> Changes:
    files, cut = _files(bare, base, head)
    patch = bare.run("diff", *PLAIN, "--full-index", base, head, "--", limit=patch_bytes)
    return Changes(
        base=base,
        head=head,
        files=files,
        patch=patch.out.decode("utf-8", "replace"),
        truncated=cut or patch.truncated,
    )


def _files(bare: Bare, base: str, head: str) -> tuple[tuple[FileChange, ...], bool]:
    raw = bare.run("diff", *PLAIN, "--raw", "-z", base, head, "--").fields()
    lines = _line_counts(bare, base, head)
    found: list[FileChange] = []
    parts = iter(raw)
    for told in parts:
        if len(found) == MOST_FILES:
            return tuple(found), True
        letter = told.split()[-1][0]
        first = next(parts)
        old, path = (first, next(parts)) if letter in "RC" else (None, first)
        counts = lines.get(path, (0, 0))
        found.append(
            FileChange(
                path=shown(path),
                old_path=None if old is None else shown(old),
                status=_STATUS.get(letter, "modified"),
                additions=0 if counts is None else counts[0],
                deletions=0 if counts is None else counts[1],
                binary=counts is None,
            )
        )
    return tuple(found), False


def _line_counts(bare: Bare, base: str, head: str) -> dict[str, tuple[int, int] | None]:
    """New path → lines added and deleted; None for a binary file."""
    parts = iter(bare.run("diff", *PLAIN, "--numstat", "-z", base, head, "--").fields())
    found: dict[str, tuple[int, int] | None] = {}
    for told in parts:
        added, deleted, path = told.split("\t", 2)
        if not path:  # renamed: the old and the new path follow as fields of their own
            next(parts)
            path = next(parts)
        found[path] = None if added == "-" else (int(added), int(deleted))
    return found


def commits(bare: Bare, base: str, head: str, most: int = 1_000) -> tuple[BranchCommit, ...]:
    """Those of the branch that the base does not have, the newest first."""
    form = "--format=%H%x00%cI%x00%s%x00%(trailers:only,unfold)"
    done = bare.run("log", "-z", "--no-show-signature", f"--max-count={most}", form, f"{base}..{head}")
    parts = done.out.decode("utf-8", "replace").split("\0")
    found = []
    for at in range(0, len(parts) - 3, 4):
        oid, when, subject, trailers = parts[at : at + 4]
        named = (line.partition(": ") for line in trailers.splitlines())
        pairs = tuple((name, value) for name, _, value in named if value)
        found.append(BranchCommit(oid, subject, datetime.fromisoformat(when), pairs))
    return tuple(found)


def merged_tree(bare: Bare, ours: str, theirs: str) -> str:
    """The tree of a merge; raises `MergeConflictError` with the paths."""
    tree, conflicts = try_merge(bare, ours, theirs)
    if conflicts:
        raise conflict(conflicts)
    return tree


def conflict(paths: tuple[str, ...]) -> MergeConflictError:
    return MergeConflictError(
        f"Both sides changed the same places of {listed(paths)}.",
        remedy="Send the card back to its agent to resolve the conflict, or resolve it on the branch yourself.",
        paths=tuple(shown(path) for path in paths),
    )


def try_merge(bare: Bare, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The tree (with markers where both sides changed the same) and the paths in conflict."""
    done = bare.run(
        *("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs),
        ok=(0, 1),
    )
    tree, *conflicts = done.fields()
    return tree, tuple(dict.fromkeys(path for path in conflicts if path))


def files_with(bare: Bare, commit: str, text: str) -> tuple[str, ...]:
    """Files of the commit that hold the text."""
    prefix = f"{commit}:"
    found = bare.run("grep", "-lz", "--fixed-strings", "-e", text, commit, ok=(0, 1)).fields()
    return tuple(path.removeprefix(prefix) for path in found)


def file_at(bare: Bare, commit: str, path: str, limit: int = FILE_BYTES) -> tuple[bytes, int]:
    """At most `limit` bytes of a file of a commit, and how many it has; raises `NotFoundError`."""
    name = f"{commit}:{path}"
    kind = bare.run("cat-file", "-t", name, ok=(0, 128))
    if kind.code or kind.text != "blob":
        raise NotFoundError(f"There is no file {shown(path)!r} in {commit[:12]}.", remedy="Check the path.")
    bytes_ = int(bare.run("cat-file", "-s", name).text)
    return bare.run("cat-file", "blob", name, limit=limit).out, bytes_
