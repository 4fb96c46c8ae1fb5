"""What the locks pin, and what the project needs, read from `pyproject.toml` and the installed packages' metadata."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
NODE_LOCK = ROOT / "requirements-node.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(lock: Path) -> dict[str, str]:
    """Package name → its entry as it stands in the file, hashes included."""
    found = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    return {canonicalize_name(Requirement(_requirement(one)).name): one for one in found}


def pins(lock: Path) -> dict[str, str]:
    """Package name → version, of those that are installed on this platform and Python."""
    here = [Requirement(_requirement(entry)) for entry in entries(lock).values()]
    return {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for one in here
        if one.marker is None or one.marker.evaluate()
    }


def roots(*groups: str, extra: str | None = None) -> list[Requirement]:
    """What the project itself asks for."""
    texts = list(PROJECT["project"]["dependencies"])
    texts += PROJECT["project"]["optional-dependencies"][extra] if extra else []
    for group in groups:
        texts += PROJECT["dependency-groups"][group]
    return [Requirement(text) for text in texts]


def needed(wanted: list[Requirement]) -> Iterator[Requirement]:
    """`wanted`, and all that it leads to on this platform and Python, with the extras that are asked for."""
    seen: set[tuple[str, str]] = set()
    waiting = list(wanted)
    while waiting:
        one = waiting.pop()
        yield one
        for extra in ("", *sorted(one.extras)):
            if (one.name, extra) not in seen:
                seen.add((one.name, extra))
                waiting += [child for child in _asked_by(one.name) if _applies(child, extra)]


def unbound(wanted: list[Requirement], pinned: Mapping[str, str]) -> list[str]:
    """The requirements that an installation of exactly `pinned` leaves without a package, or with a wrong version."""
    return sorted(
        str(one)
        for one in needed(wanted)
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"), prereleases=True)
        or canonicalize_name(one.name) not in pinned
    )


def _requirement(entry: str) -> str:
    return entry.partition("\\")[0].strip()


def _asked_by(name: str) -> list[Requirement]:
    return [Requirement(text) for text in requires(name) or []]


def _applies(child: Requirement, extra: str) -> bool:
    if child.marker is None:
        return extra == ""
    # What holds without an extra was counted there.
    return child.marker.evaluate({"extra": extra})
