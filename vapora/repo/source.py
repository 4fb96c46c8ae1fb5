"""The repository that a person named: a path on this machine, or a URL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from vapora.errors import NotARepositoryError, SourceRefusedError
from vapora.repo.logins import SHORT_FORM

_SCHEMES = ("https", "ssh", "file")


@dataclass(frozen=True, slots=True)
class Source:
    """`where` is what git is given: an absolute path without symlinks, or a URL without a password."""

    kind: Literal["path", "url"]
    where: str

    @property
    def path(self) -> Path:
        assert self.kind == "path"
        return Path(self.where)


def parse_source(text: str, roots: Sequence[Path]) -> Source:
    """Checks it without touching the network. `roots` are the folders that paths have to be in (VAPORA_REPO_ROOTS).

    Raises `SourceRefusedError` for what is not allowed, `NotARepositoryError` where no such folder exists.
    """
    named = text.strip()
    if not named or named.startswith("-") or not named.isprintable():
        raise SourceRefusedError(f"{text!r} is neither a path nor a URL.", remedy="Name a folder, or a git URL.")
    if "://" in named:
        return _url(named, roots)
    if "::" in named:
        raise SourceRefusedError(
            f"The transport {named.partition('::')[0]!r} is not taken.", remedy="Use https, ssh or file."
        )
    if SHORT_FORM.match(named) and not Path(named).exists():
        return Source("url", named)
    return Source("path", str(_inside(named, roots)))


def _url(named: str, roots: Sequence[Path]) -> Source:
    try:
        parts = urlsplit(named)
        _ = parts.port
    except ValueError as error:
        raise SourceRefusedError(f"The URL cannot be read: {error}.", remedy="Check it.") from error
    if parts.scheme not in _SCHEMES:
        raise SourceRefusedError(
            f"The transport {parts.scheme!r} is not taken: it could be overheard, or run commands.",
            remedy="Use https, ssh or file.",
        )
    if parts.password is not None:
        raise SourceRefusedError(
            "The URL holds a password, which would stand in the log.",
            remedy="Leave it out, and give it to a git credential helper of the user who runs VAPORA.",
        )
    if parts.scheme == "file":
        if parts.hostname:
            raise SourceRefusedError("A file URL names no host.", remedy="Write file:///path.")
        return Source("url", _inside(unquote(parts.path), roots).as_uri())
    if not parts.hostname or parts.hostname.startswith("-"):
        raise SourceRefusedError("The URL names no host.", remedy="Check it.")
    return Source("url", named)


def _inside(named: str, roots: Sequence[Path]) -> Path:
    path = Path(named).expanduser()
    try:
        found = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise NotARepositoryError(f"There is no folder {path}.", remedy="Check the path.") from error
    if not found.is_dir():
        raise NotARepositoryError(f"{path} is no folder.", remedy="Name the folder of the repository.")
    if not any(found.is_relative_to(root.resolve()) for root in roots):
        raise SourceRefusedError(
            f"{found} is outside the folders that projects may use.",
            remedy=f"They are {', '.join(str(root) for root in roots)}; VAPORA_REPO_ROOTS names others.",
        )
    return found
