"""What git says, as errors that tell a person what to do; and file names as text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from vapora.errors import (
    CredentialsNeededError,
    GitFailedError,
    MissingObjectsError,
    NotARepositoryError,
    RepositoryError,
    TargetMovedError,
)

_WORDS = 1_000

# In this order: what a remote said about its own failure comes before what git concludes from it.
_MEANINGS: tuple[tuple[str, type[RepositoryError], str, str], ...] = (
    (
        r"Host key verification failed",
        CredentialsNeededError,
        "The host is not known, or it has another key than it had: nothing was sent to it.",
        "Compare the key that it shows (`ssh-keyscan HOST`) with what its owner publishes, and store the line as the "
        "secret git-ssh-known-hosts-<host>, or in the known_hosts of the user who runs VAPORA.",
    ),
    (
        r"could not read (Username|Password)|Authentication failed|Permission denied \("
        r"|terminal prompts disabled",
        CredentialsNeededError,
        "The remote wants a password or a key, and git found none.",
        "Store a login for https as the secret git-<host>, a private key for ssh as git-ssh-<host> (`vapora secrets "
        "set`), or give the user who runs VAPORA access: a credential helper for https, a key in the agent for ssh. "
        "Passwords in the URL are not taken.",
    ),
    (
        r"dubious ownership",
        NotARepositoryError,
        "The repository belongs to another user of this machine, so git does not open it.",
        "Run VAPORA as its owner, or let git trust it: `git config --global --add safe.directory PATH`.",
    ),
    (
        r"not a git repository|does not appear to be a git repository|[Rr]epository not found"
        r"|repository '.*' (not found|does not exist)",
        NotARepositoryError,
        "There is no git repository.",
        "Check the path or URL.",
    ),
    (
        r"unable to read (sha1 file|tree)|cannot read object|promisor|lazy fetching|missing blob|bad object",
        MissingObjectsError,
        "Files of the commit are not in the repository: it was cloned in part.",
        "Name the URL that it was cloned from instead, or complete it: `git fetch --refetch --no-filter`.",
    ),
    (
        r"cannot lock ref|but expected|stale info|\(fetch first\)|non-fast-forward|Not possible to fast-forward",
        TargetMovedError,
        "The branch moved meanwhile.",
        "Try again: it is done on the new head.",
    ),
)


def failure(command: str, code: int, words: str) -> RepositoryError:
    """The error for git's words; `GitFailedError` with the words themselves where they are not known."""
    said = "\n".join(line for line in words.splitlines() if not line.startswith("hint:")).strip()[-_WORDS:]
    for pattern, kind, message, remedy in _MEANINGS:
        if re.search(pattern, words):
            return kind(message, remedy=remedy, git=said)
    return GitFailedError(f"git {command} failed ({code}): {said or 'it said nothing'}", git=said)


def shown(path: str) -> str:
    """A file name as valid text: bytes that are not UTF-8 become `\\xNN`. Python keeps them as lone surrogates, which
    neither an event nor a JSON answer takes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def listed(paths: Iterable[str], most: int = 10) -> str:
    """Some of the paths for a sentence."""
    names = [shown(path) for path in paths]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
