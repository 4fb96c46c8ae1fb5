"""Renders `kuberay/` into what is committed: manifests for each environment, and compose.yaml with its override.

`python -m vapora.deploy.render` writes it; with `--check` it writes nothing, and ends with 1 where something differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vapora.deploy import kcl
from vapora.errors import ConfigurationError

ENVIRONMENTS = ("solo", "development", "staging", "production")
RENDERED = Path("kuberay/rendered")
_HOW = "`python -m vapora.deploy.render`; change the source, not this file"

Manifest = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, lists indented as people write them, and no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def environments(project: Path) -> list[str]:
    """The environments that there are, by the names of their files."""
    return [name for name in ENVIRONMENTS if (project / "kuberay/environments" / f"{name}.k").is_file()]


def manifests(project: Path, environment: str, **options: Any) -> dict[str, list[Manifest]]:
    """The objects of an environment, by the file (without `.yaml`) that they stand in.

    `project` is the folder that holds `kuberay/`. Raises `ConfigurationError` where the source breaks one of its rules,
    with file and line, or where there is no such environment.
    """
    root = project / "kuberay"
    source = root / "environments" / f"{environment}.k"
    if not source.is_file():
        raise ConfigurationError(
            f"There is no environment {environment} in {root}: there are {', '.join(environments(project)) or 'none'}."
        )
    values = kcl.run([source], root, **_telemetry(root), **options)
    files: dict[str, list[Manifest]] = values["rendered"]["files"]
    return {name: objects for name, objects in files.items() if objects}


def _telemetry(root: Path) -> dict[str, Any]:
    """Alert rules and dashboards, by name: files that telemetry makes, which go into objects as they are."""
    alerts = {one.stem: yaml.safe_load(one.read_text(encoding="utf-8")) for one in sorted(root.glob("alerts/*.yaml"))}
    boards = {one.stem: one.read_text(encoding="utf-8") for one in sorted(root.glob("dashboards/*.json"))}
    return {"alerts": alerts, "dashboards": boards}


def render(project: Path) -> dict[Path, str]:
    """Every rendered file of the project, by its path in it: nothing is written."""
    found: dict[Path, str] = {}
    for environment in environments(project):
        folder = RENDERED / environment
        header = f"# Rendered from kuberay/environments/{environment}.k by {_HOW}.\n"
        files = manifests(project, environment)
        for name, objects in sorted(files.items()):
            found[folder / f"{name}.yaml"] = header + "---\n".join(_dump(one) for one in objects)
        found[folder / "kustomization.yaml"] = header + _dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [f"{name}.yaml" for name in sorted(files)],
            }
        )
    return found | _compose(project)


def _compose(project: Path) -> dict[Path, str]:
    root = project / "kuberay"
    values = kcl.run([root / "environments/compose.k"], root)
    header = f"# Rendered from kuberay/environments/compose.k by {_HOW}.\n"
    found = {RENDERED / "compose" / name: text for name, text in values["files"].items()}
    found[Path("compose.yaml")] = header + _dump(values["compose_file"])
    found[Path("compose.override.yaml")] = header + _dump(values["override_file"])
    return found


def _dump(value: Mapping[str, Any]) -> str:
    return yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def differences(project: Path) -> list[str]:
    """What is committed otherwise than it would be rendered now, a sentence each."""
    wanted = render(project)
    found = []
    for path, text in wanted.items():
        place = project / path
        if not place.is_file():
            found.append(f"{path} is missing.")
        elif place.read_text(encoding="utf-8") != text:
            found.append(f"{path} is not what its source says.")
    return found + [f"{path} is rendered from nothing." for path in _leftover(project, wanted)]


def _leftover(project: Path, wanted: Mapping[Path, str]) -> list[Path]:
    there = [one.relative_to(project) for one in (project / RENDERED).rglob("*") if one.is_file()]
    return sorted(one for one in there if one not in wanted)


def write(project: Path) -> None:
    """Bring what is committed to what the source says."""
    wanted = render(project)
    for path, text in wanted.items():
        place = project / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    for path in _leftover(project, wanted):
        (project / path).unlink()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m vapora.deploy.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and end with 1 where something differs")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="the folder that holds kuberay/")
    given = parser.parse_args(arguments)
    try:
        if not given.check:
            write(given.project)
            return 0
        found = differences(given.project)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    for one in found:
        print(one, file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
