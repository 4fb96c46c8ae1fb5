"""A package as it is found: read whole, checked whole, or refused with a sentence. Nothing of it is run or copied."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vapora.catalog.shipped_workflows import known
from vapora.commands.packages import ConfigurePackage
from vapora.domain.workflow.check import Fault, check, parse_text, refused
from vapora.domain.workflow.definition import Definition
from vapora.errors import PackageRefusedError, VaporaError
from vapora.marketplace.manifest import (
    MANIFEST,
    MOST_BYTES,
    MOST_FILES,
    PackageManifest,
    agent_manifest,
    digest_of,
    read_manifest,
    server_of,
)


@dataclass(frozen=True, slots=True)
class Offer:
    """`files`: all bytes by path, the manifest among them. `problem`: why it cannot be taken; then there may be no
    manifest."""

    id: str
    source: str
    digest: str = ""
    manifest: PackageManifest | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""

    def require(self) -> PackageManifest:
        """Raises `PackageRefusedError` with the problem."""
        if self.manifest is None or self.problem:
            raise PackageRefusedError(
                self.problem or f"The package '{self.id}' has no manifest.",
                remedy="Nothing was installed. Have its author correct it.",
                package=self.id,
            )
        return self.manifest

    def text(self, path: str) -> str:
        return self.files[path].decode("utf-8")

    @property
    def definition(self) -> Definition:
        """Of a package of a workflow."""
        manifest = self.require()
        assert manifest.workflow is not None
        return _definition(self.text(manifest.workflow.file))


def read_offer(folder: Path, source: str, digest: str | None = None) -> Offer:
    """The package in a folder. `digest`: what its index says that it has."""
    found = Offer(folder.name, source)
    try:
        files = _files(folder)
        return checked(files, source, digest)
    except OSError as error:
        return Offer(found.id, source, problem=f"The package '{folder.name}' cannot be read: {error.strerror}.")
    except PackageRefusedError as error:
        return Offer(found.id, source, problem=f"{folder.name}: {error.message}")


def checked(files: Mapping[str, bytes], source: str, digest: str | None = None) -> Offer:
    """Raises `PackageRefusedError`."""
    raw = files.get(MANIFEST)
    if raw is None:
        raise PackageRefusedError(f"There is no {MANIFEST}.")
    ours = digest_of(raw)
    if digest is not None and digest != ours:
        raise PackageRefusedError(f"Its digest is {ours}, and not {digest}, which its index names.")
    manifest = read_manifest(raw)
    for path, wanted in manifest.files.items():
        if path not in files:
            raise PackageRefusedError(f"Its manifest names {path}, which is not there.")
        if (found := hashlib.sha256(files[path]).hexdigest()) != wanted:
            raise PackageRefusedError(f"{path} has the digest {found}, and not {wanted}, which its manifest names.")
    if more := sorted(set(files) - set(manifest.files) - {MANIFEST}):
        raise PackageRefusedError(f"{more[0]} stands in no line of [files].")
    offer = Offer(manifest.id, source, ours, manifest, dict(files))
    _try_out(offer, manifest)
    return offer


def offer_of_stored(files: Mapping[str, bytes], source: str) -> Offer:
    """One that was installed, as the log keeps it; perhaps by a version that checked otherwise."""
    return checked(files, source)


def _try_out(offer: Offer, manifest: PackageManifest) -> None:
    """What can only be known once it is put together."""
    try:
        if manifest.agent is not None:
            agent_manifest(manifest, offer.text(manifest.agent.prompt), ConfigurePackage())
        elif manifest.server is not None:
            server_of(manifest, ConfigurePackage())
        elif manifest.workflow is not None:
            _definition(offer.text(manifest.workflow.file))
    except UnicodeDecodeError as error:
        raise PackageRefusedError("A text of it is not UTF-8.") from error
    except PackageRefusedError:
        raise
    except (VaporaError, ValueError) as error:
        raise PackageRefusedError(str(error)) from error


def _definition(text: str) -> Definition:
    data = parse_text(text)
    definition, faults = (None, (data,)) if isinstance(data, Fault) else check(data, known())
    if definition is None:
        raise PackageRefusedError(f"Its workflow has faults: {refused(faults).message}")
    return definition


def _files(folder: Path) -> dict[str, bytes]:
    """Plain files alone: a link might lead out of the package, and what is no file might never end."""
    if folder.is_symlink() or not folder.is_dir():
        raise PackageRefusedError("It is no folder.")
    found: dict[str, bytes] = {}
    waiting, room = [(folder, "")], MOST_BYTES
    while waiting:
        at, under = waiting.pop()
        with os.scandir(at) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                path = f"{under}{entry.name}"
                if entry.is_symlink():
                    raise PackageRefusedError(f"{path} is a link: a package holds plain files alone.")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((Path(entry.path), f"{path}/"))
                    if len(waiting) > MOST_FILES:
                        raise PackageRefusedError("It has too many folders.")
                    continue
                if len(found) > MOST_FILES:
                    raise PackageRefusedError(f"It has more than {MOST_FILES} files.")
                found[path] = _bytes(entry.path, path, room)
                room -= len(found[path])
    return found


def _bytes(place: str, path: str, room: int) -> bytes:
    # Between the look and the opening it may have become a link, or a pipe.
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise PackageRefusedError(f"{path} is no plain file.")
        data = file.read(room + 1)
    if len(data) > room:
        raise PackageRefusedError(f"Its files have more than {MOST_BYTES:,} bytes together.")
    return data
