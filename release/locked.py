"""The packages that the locks hold, with what is known of each: Python's from `requirements*.lock`, npm's from the
board's `package-lock.json`."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from itertools import chain
from pathlib import Path
from typing import Any, Literal, cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_HASH = re.compile(r"--hash=(\w+):([0-9a-f]+)")
_EXTRA = re.compile(r"extra == ['\"]([^'\"]+)['\"]")
# Longer ones are the text of the licence, not its name.
_LONGEST_NAME = 60
_CLASSIFIED = "License :: "


@dataclass(frozen=True, slots=True)
class Locked:
    """`hashes`: algorithm and hexadecimal digest of each file that the lock allows. `licences`: SPDX expressions or
    names; empty where nothing says. `marker`: where it is installed; empty: everywhere. `needs`: names of packages of
    the same kind. `build_only`: nothing of it is in what people install."""

    kind: Literal["pypi", "npm"]
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]
    licences: tuple[str, ...] = ()
    marker: str = ""
    needs: tuple[str, ...] = ()
    build_only: bool = False


def of_python(locks: Iterable[str], asked: Iterable[Requirement]) -> list[Locked]:
    """`locks`: their texts; `asked`: what the project itself asks for, with its extras of others. Licences and needs
    are those of the installed packages, where these are of the version that is locked; a lock holds neither."""
    entries = {line for lock in locks for line in re.split(r"\n(?=\S)", lock.strip()) if line}
    requirements = [(Requirement(one.partition("\\")[0].strip()), one) for one in entries]
    wanted = _extras(asked, {canonicalize_name(one.name) for one, _ in requirements})
    return [_python_package(one, entry, wanted) for one, entry in requirements]


def reached(roots: Iterable[str], packages: Iterable[Locked]) -> set[str]:
    """The names that `roots` lead to, on whichever platform."""
    needs = {one.name: one.needs for one in packages}
    seen: set[str] = set()
    waiting = [one for one in roots if one in needs]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += [one for one in needs[name] if one in needs]
    return seen


def of_npm(lock: Path) -> list[Locked]:
    """One that stands in the tree several times in one version is one package."""
    found: dict[tuple[str, str], Locked] = {}
    for path, told in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if not path:
            continue  # the board itself
        name = path.rpartition("node_modules/")[2]
        known = found.get((name, told["version"]))
        build_only = bool(told.get("dev")) and (known is None or known.build_only)
        found[name, told["version"]] = _npm_package(name, told, build_only)
    return list(found.values())


def _npm_package(name: str, told: dict[str, Any], build_only: bool) -> Locked:
    pairs = [one.split("-", 1) for one in told["integrity"].split()]
    return Locked(
        "npm",
        name,
        told["version"],
        tuple((algorithm, base64.b64decode(text).hex()) for algorithm, text in pairs),
        licences=(told["license"],) if told.get("license") else (),
        needs=tuple(sorted({*told.get("dependencies", {}), *told.get("optionalDependencies", {})})),
        build_only=build_only,
    )


def _python_package(one: Requirement, entry: str, wanted: dict[str, set[str]]) -> Locked:
    name, version = canonicalize_name(one.name), str(one.specifier).removeprefix("==")
    about = _about(name)
    known = about if about is not None and about["Version"] == version else None
    return Locked(
        "pypi",
        name,
        version,
        tuple(sorted(_HASH.findall(entry))),
        licences=_licences(known) if known is not None else (),
        marker=str(one.marker or ""),
        needs=tuple(sorted(_needs(known, wanted.get(name, set())))) if known is not None else (),
    )


def _licences(about: Message) -> tuple[str, ...]:
    """As an expression, else as one word or two, else as classified."""
    for field in ("License-Expression", "License"):
        said = str(about.get(field) or "").strip()
        if said and "\n" not in said and len(said) <= _LONGEST_NAME and said.upper() != "UNKNOWN":
            return (said,)
    named = [str(one) for one in about.get_all("Classifier") or [] if str(one).startswith(_CLASSIFIED)]
    return tuple(sorted(one.rpartition(" :: ")[2] for one in named))


def _extras(asked: Iterable[Requirement], names: set[str]) -> dict[str, set[str]]:
    """Which extras of a package the project or any other package asks for."""
    found: dict[str, set[str]] = {}
    others = (about.get_all("Requires-Dist") or [] for about in filter(None, map(_about, names)))
    for one in chain(asked, map(Requirement, chain.from_iterable(others))):
        found.setdefault(canonicalize_name(one.name), set()).update(one.extras)
    return found


def _needs(about: Message, extras: set[str]) -> set[str]:
    requirements = map(Requirement, about.get_all("Requires-Dist") or [])
    return {canonicalize_name(one.name) for one in requirements if _asked_for(str(one.marker or ""), extras)}


def _asked_for(marker: str, extras: set[str]) -> bool:
    named = set(_EXTRA.findall(marker))
    return not named or bool(named & extras)


def _about(name: str) -> Message | None:
    try:
        return cast("Message", metadata(name))
    except PackageNotFoundError:
        return None
