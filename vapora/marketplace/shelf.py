"""Where packages come from, in this order: those that ship, a workspace's folder, and what the installation names.

What the installation names (`VAPORA_PACKAGE_SOURCES`) is a folder of packages, an index file (`*.toml`), or a git URL.
A git repository is fetched when a person asks for that, and never by itself; between, its copy is read. Of two packages
under one id the first stands: what is named later puts itself in front of nothing.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files as resources
from pathlib import Path, PurePosixPath
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vapora.errors import PackageRefusedError, VaporaError
from vapora.marketplace.manifest import Digest, Id
from vapora.marketplace.offers import Offer, read_offer
from vapora.private_dirs import delete_tree, make_private
from vapora.repo.git import NETWORK_S, Git

SHIPPED = "shipped"
_FOLDER = "folder"
_MOST_OF_A_SOURCE = 500
_INDEX_BYTES = 1_000_000


class _Listed(BaseModel):
    """`path`: of the package's folder, seen from the index. `signature`: ed25519, base64, over `signed(…)`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Id
    version: str
    digest: Digest
    path: str
    signature: str = ""


class _Index(BaseModel):
    """`key`: an ed25519 public key, base64; where there is one, each package has to be signed by it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = ""
    key: str = ""
    package: Annotated[tuple[_Listed, ...], Field(max_length=_MOST_OF_A_SOURCE)] = ()


def signed(package_id: str, version: str, digest: str) -> bytes:
    """What the signature of a package in an index is made over."""
    return f"vapora-package\n{package_id}\n{version}\n{digest}\n".encode()


class Shelf:
    """`folder`: of one workspace. `sources`: as the installation names them. `copies`: where fetched repositories are
    kept; may be deleted at any time."""

    def __init__(self, folder: Path, sources: Sequence[str], copies: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._sources = tuple(sources)
        self._copies = copies
        self._environ = environ

    def offers(self, installed_from: Mapping[str, str] | None = None) -> dict[str, Offer]:
        """All that there are, by their ids. `installed_from`: the sources of packages that are installed, which alone
        offer another version of these. Blocks."""
        wanted = installed_from or {}
        found: dict[str, Offer] = {}
        for offer in self._all():
            if offer.id not in found and wanted.get(offer.id, offer.source) == offer.source:
                found[offer.id] = offer
        return found

    def refresh(self) -> dict[str, str]:
        """Fetches what is a git repository. What went wrong, by source; then the copy of before stays. Blocks."""
        problems: dict[str, str] = {}
        for source in self._sources:
            if _is_remote(source):
                try:
                    self._fetch(source)
                except (VaporaError, OSError) as error:
                    problems[source] = str(error)
        return problems

    def _all(self) -> Iterator[Offer]:
        yield from _shipped()
        yield from _in_folder(self._folder, _FOLDER)
        for source in self._sources:
            if _is_remote(source):
                yield from _in_place(self._copy(source), source)
            else:
                yield from _in_place(Path(source).expanduser(), source)

    def _copy(self, source: str) -> Path:
        return self._copies / hashlib.sha256(source.encode()).hexdigest()[:32]

    def _fetch(self, source: str) -> None:
        make_private(self._copies)
        copy = self._copy(source)
        draft, old = copy.with_suffix(".draft"), copy.with_suffix(".old")
        for left in (draft, old):
            delete_tree(left)
        try:
            Git(self._environ).run(
                # What is a link there becomes a plain file here, which no manifest names as what it is.
                *("-c", "core.symlinks=false", "clone", "--quiet", "--depth=1", "--no-tags", "--template="),
                *("--", source, str(draft)),
                timeout_s=NETWORK_S,
                as_person=True,
                remote=source,
            )
            delete_tree(draft / ".git")
            if copy.exists():
                copy.rename(old)
            draft.rename(copy)
        finally:
            for left in (draft, old):
                delete_tree(left)


def _is_remote(source: str) -> bool:
    return "://" in source or source.startswith("git@")


@cache
def _shipped() -> tuple[Offer, ...]:
    """Raises `PackageRefusedError` for one of our own that is broken."""
    found = tuple(_in_folder(Path(str(resources("vapora.catalog") / "packages")), SHIPPED))
    for one in found:
        one.require()
    return found


def _in_place(place: Path, source: str) -> Iterator[Offer]:
    """A folder with an index goes by that."""
    index = place if place.suffix == ".toml" else place / "index.toml"
    if index.is_file():
        yield from _indexed(index, source)
    else:
        yield from _in_folder(place, source)


def _in_folder(folder: Path, source: str) -> Iterator[Offer]:
    """Each folder in it is a package. None where it is not there: a folder that is not mounted."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for one in sorted(folder.iterdir())[:_MOST_OF_A_SOURCE]:
            if one.is_dir() and not one.name.startswith((".", "__")):
                yield read_offer(one, source)


def _indexed(index: Path, source: str) -> Iterator[Offer]:
    try:
        if index.stat().st_size > _INDEX_BYTES:
            raise PackageRefusedError(f"The index {index.name} is longer than {_INDEX_BYTES:,} bytes.")
        listed = _Index.model_validate(tomllib.loads(index.read_text("utf-8")))
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(listed.key, validate=True)) if listed.key else None
    except (OSError, ValueError, ValidationError, PackageRefusedError) as error:
        yield Offer(index.parent.name, source, problem=f"The index {index.name} cannot be used: {error}")
        return
    for one in listed.package:
        yield _listed(index.parent, one, key, source)


def _listed(folder: Path, one: _Listed, key: Ed25519PublicKey | None, source: str) -> Offer:
    try:
        _require_signed(one, key)
        parts = PurePosixPath(one.path).parts
        place = folder.joinpath(*parts)
        if not parts or one.path.startswith("/") or ".." in parts or "\\" in one.path:
            raise PackageRefusedError(f"{one.path!r} leads out of the index's folder.")
        if not place.resolve().is_relative_to(folder.resolve()):
            raise PackageRefusedError(f"{one.path!r} leads out of the index's folder, over a link.")
    except PackageRefusedError as error:
        return Offer(one.id, source, one.digest, problem=f"{one.id}: {error.message}")
    found = read_offer(place, source, one.digest)
    if not found.problem and (found.id, found.require().version) != (one.id, one.version):
        told = f"{one.id}: the index says {one.id} {one.version}, the package {found.id} {found.require().version}."
        return Offer(one.id, source, one.digest, problem=told)
    return found if not found.problem else Offer(one.id, source, one.digest, problem=found.problem)


def _require_signed(one: _Listed, key: Ed25519PublicKey | None) -> None:
    if key is None:
        return
    try:
        key.verify(base64.b64decode(one.signature, validate=True), signed(one.id, one.version, one.digest))
    except (InvalidSignature, ValueError) as error:
        raise PackageRefusedError("It is not signed by the key that its index names.") from error
