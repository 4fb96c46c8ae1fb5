"""Rules about packages: what is installed, in which version, and how it is configured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from events.base import DomainEvent
from events.package import (
    PackageConfigured,
    PackageFile,
    PackageInstalled,
    PackageKind,
    PackageRemoved,
    PackageUpgraded,
)
from vapora.errors import ConflictError, NotFoundError, PackageOutdatedError

Events = tuple[DomainEvent, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """As its stream tells it. `makes`: the id of the agent, server or workflow that it set up."""

    id: str
    kind: PackageKind
    version: str
    digest: str
    source: str
    makes: str
    files: tuple[PackageFile, ...]
    may: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, JsonValue] = field(default_factory=dict)
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A package as it is to be taken: checked, and its files stored."""

    id: str
    kind: PackageKind
    name: str
    version: str
    description: str
    source: str
    digest: str
    files: tuple[PackageFile, ...]
    may: Mapping[str, Any]


def install(state: Package | None, taken: Taken, makes: str) -> Events:
    """Nothing where it is installed just so. Raises `ConflictError` for another version or kind."""
    if state is not None and not state.removed:
        if state.digest == taken.digest:
            return ()
        raise ConflictError(
            f"The package '{taken.id}' is installed already, in version {state.version}.",
            remedy=f"Upgrade it to {taken.version}.",
        )
    return (
        PackageInstalled(
            package_id=taken.id,
            kind=taken.kind,
            name=taken.name,
            version=taken.version,
            description=taken.description,
            source=taken.source,
            digest=taken.digest,
            makes=makes,
            files=taken.files,
            may=dict(taken.may),
        ),
    )


def upgrade(state: Package | None, taken: Taken) -> Events:
    """Nothing where it is at that already. Raises `NotFoundError`, `ConflictError`."""
    known = require(state, taken.id)
    if known.digest == taken.digest:
        return ()
    if known.kind != taken.kind:
        raise ConflictError(
            f"The package '{taken.id}' is of the kind {known.kind}, the new version of the kind {taken.kind}.",
            remedy="Remove it, and install the new one.",
        )
    return (
        PackageUpgraded(
            package_id=taken.id,
            name=taken.name,
            version=taken.version,
            from_version=known.version,
            description=taken.description,
            source=taken.source,
            digest=taken.digest,
            files=taken.files,
            may=dict(taken.may),
        ),
    )


def configure(state: Package | None, package_id: str, config: Mapping[str, JsonValue]) -> Events:
    known = require(state, package_id)
    if dict(known.config) == dict(config):
        return ()
    return (PackageConfigured(package_id=known.id, config=dict(config)),)


def remove(state: Package | None, package_id: str) -> Events:
    return (PackageRemoved(package_id=require(state, package_id).id),)


def require(state: Package | None, package_id: str) -> Package:
    if state is None or state.removed:
        raise NotFoundError(f"The package '{package_id}' is not installed.", remedy="Install it first.")
    return state


def require_seen(digest: str | None, found: str, package_id: str) -> None:
    """`digest`: what the person looked at; None: what is shown now is accepted."""
    if digest is not None and digest != found:
        raise PackageOutdatedError(
            f"The package '{package_id}' has another digest than the one that you looked at.",
            remedy="Look at what it is and may do now, and accept that.",
            digest=found,
        )


def evolve(state: Package | None, event: DomainEvent) -> Package | None:
    match event:
        case PackageInstalled():
            return Package(
                event.package_id,
                event.kind,
                event.version,
                event.digest,
                event.source,
                event.makes,
                event.files,
                dict(event.may),
            )
        case PackageConfigured() if state is not None:
            return replace(state, config=dict(event.config))
        case PackageUpgraded() if state is not None:
            return replace(
                state,
                version=event.version,
                digest=event.digest,
                source=event.source,
                files=event.files,
                may=dict(event.may),
            )
        case PackageRemoved() if state is not None:
            return replace(state, removed=True)
        case _:
            return state


def fold(events: Iterable[DomainEvent]) -> Package | None:
    state: Package | None = None
    for event in events:
        state = evolve(state, event)
    return state
