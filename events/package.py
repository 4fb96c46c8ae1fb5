"""Facts about packages: what was taken from the marketplace, under which conditions, and what became of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from events.base import DomainEvent, Value
from events.content import Content

PackageKind = Literal["agent", "tool", "workflow"]


class PackageFile(Value):
    """A file of a package: its path there, with slashes, and its bytes in the blob store."""

    path: str
    content: Content


class PackageInstalled(DomainEvent):
    """A person took it, and accepted what it may do (`may`, as it was shown). `digest`: SHA-256 of its manifest, which
    names the digest of each file. `source`: where it came from. `makes`: the id of the agent, the server or the
    workflow that it sets up. `files`: all of them, `package.toml` first."""

    TOPIC: ClassVar[str] = "package.installed"

    package_id: str
    kind: PackageKind
    name: str
    version: str
    description: str
    source: str
    digest: str
    makes: str
    files: tuple[PackageFile, ...]
    may: dict[str, JsonValue] = Field(default_factory=dict)


class PackageConfigured(DomainEvent):
    """`config`: all that differs from its manifest."""

    TOPIC: ClassVar[str] = "package.configured"

    package_id: str
    config: dict[str, JsonValue]


class PackageUpgraded(DomainEvent):
    """Another version in place of `from_version`, which what is under way ends with. The rest as in
    `PackageInstalled`."""

    TOPIC: ClassVar[str] = "package.upgraded"

    package_id: str
    name: str
    version: str
    from_version: str
    description: str
    source: str
    digest: str
    files: tuple[PackageFile, ...]
    may: dict[str, JsonValue] = Field(default_factory=dict)


class PackageRemoved(DomainEvent):
    """With the agent, the server or the workflow that it had set up."""

    TOPIC: ClassVar[str] = "package.removed"

    package_id: str
