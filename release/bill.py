"""The bill of materials: every package that the locks hold, as CycloneDX 1.6 in JSON.

Made of the same locks, in the same environment and with the same date, it is the same to the byte.
"""

from __future__ import annotations

import hashlib
import tomllib
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.locked import Locked, of_npm, of_python, reached

PYTHON_LOCKS = ("requirements.lock", "requirements-node.lock")
NPM_LOCK = Path("vapora", "web", "package-lock.json")
_ALGORITHMS = {"sha1": HashAlgorithm.SHA_1, "sha256": HashAlgorithm.SHA_256, "sha512": HashAlgorithm.SHA_512}


def made(root: Path, epoch: str) -> Bom:
    """Of the locks below `root`, dated `epoch` seconds after 1970. A component's scope says whether the SDK needs it
    (*required*), an extra or the board in the browser brings it (*optional*, or *required* of what the board is made
    of), or only the build does (*excluded*)."""
    texts = [(root / name).read_text(encoding="utf-8") for name in PYTHON_LOCKS]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = [Requirement(one) for one in project["dependencies"]]
    extras = [Requirement(one) for wanted in project["optional-dependencies"].values() for one in wanted]
    python, npm = of_python(texts, [*base, *extras]), of_npm(root / NPM_LOCK)
    required, installed = reached(_names(base), python), reached(_names([*base, *extras]), python)

    components = {one: _component(one, _scope(one, required, installed)) for one in [*python, *npm]}
    whole = Component(
        type=ComponentType.APPLICATION,
        name="vapora",
        version=project["version"],
        bom_ref="vapora",
        licenses=[LicenseFactory().make_from_string(project["license"])],
        purl=PackageURL("pypi", None, "vapora", project["version"]),
    )
    content = hashlib.sha256("\0".join([*texts, (root / NPM_LOCK).read_text(), project["version"], epoch]).encode())
    bom = Bom(
        components=components.values(),
        serial_number=uuid.UUID(bytes=content.digest()[:16], version=4),
        metadata=BomMetaData(component=whole, timestamp=datetime.fromtimestamp(int(epoch), UTC)),
    )
    by_name: dict[tuple[str, str], list[Component]] = {}
    for one, component in components.items():
        by_name.setdefault((one.kind, one.name), []).append(component)
    direct = [c for name in sorted(_names([*base, *extras])) for c in by_name.get(("pypi", name), [])]
    bom.register_dependency(whole, [*direct, *(c for one, c in components.items() if _on_the_board(one))])
    for one, component in components.items():
        bom.register_dependency(component, [c for name in one.needs for c in by_name.get((one.kind, name), [])])
    return bom


def as_json(bom: Bom) -> str:
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _names(requirements: Iterable[Requirement]) -> set[str]:
    return {canonicalize_name(one.name) for one in requirements}


def _on_the_board(one: Locked) -> bool:
    """Part of the pages that are shipped."""
    return one.kind == "npm" and not one.build_only


def _scope(one: Locked, required: set[str], installed: set[str]) -> ComponentScope:
    if one.kind == "npm":
        return ComponentScope.EXCLUDED if one.build_only else ComponentScope.REQUIRED
    if one.name in required:
        return ComponentScope.REQUIRED
    return ComponentScope.OPTIONAL if one.name in installed else ComponentScope.EXCLUDED


def _component(one: Locked, scope: ComponentScope) -> Component:
    group, _, name = one.name.rpartition("/")
    purl = PackageURL(one.kind, group or None, name, one.version)
    return Component(
        type=ComponentType.LIBRARY,
        group=group or None,
        name=name,
        version=one.version,
        bom_ref=purl.to_string(),
        scope=scope,
        hashes=[HashType(alg=_ALGORITHMS[algorithm], content=digest) for algorithm, digest in one.hashes],
        licenses=_licences(one),
        purl=purl,
        properties=[Property(name="vapora:marker", value=one.marker)] if one.marker else [],
    )


def _licences(one: Locked) -> list[DisjunctiveLicense | LicenseExpression]:
    return [LicenseFactory().make_from_string(name) for name in one.licences]
