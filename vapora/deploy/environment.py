"""The objects of an environment, as they are to be in the cluster, and what forbids deploying them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from vapora.deploy import kuberay_rules, render
from vapora.deploy.workflow import Manifest, Workflow, key
from vapora.errors import ConfigurationError

_GENERATION = "VAPORA_GENERATION"
# Ten times as fast, where PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def objects(project: Path, environment: str, workflow: Workflow, options: Mapping[str, Any]) -> list[Manifest]:
    """What is committed for it; with options of the workflow, what would be rendered with them.

    Raises `ConfigurationError` for an option that the workflow does not take, and for an object of kind Secret: what
    stands in a file is no secret. None of its values is in the message.
    """
    if strange := sorted(options.keys() - set(workflow.options)):
        takes = ", ".join(workflow.options) or "none"
        raise ConfigurationError(f"The workflow {workflow.name} takes no option {strange[0]}: it takes {takes}.")
    folder = project / render.RENDERED / environment
    if environment not in render.environments(project):
        there = ", ".join(render.environments(project)) or "none"
        raise ConfigurationError(f"There is no environment {environment}: there are {there}.")
    if options:
        found = [one for file in render.manifests(project, environment, **options).values() for one in file]
    else:
        files = sorted(folder.glob("*.yaml"))
        texts = [file.read_text(encoding="utf-8") for file in files]
        found = [one for text in texts for one in yaml.load_all(text, Loader=_LOADER) if one]
    found = [one for one in found if one["kind"] != "Kustomization"]
    if not found:
        raise ConfigurationError(
            f"Nothing is rendered for {environment}.", remedy="Run `python -m vapora.deploy.render`."
        )
    for one in found:
        if one["kind"] == "Secret":
            raise ConfigurationError(
                f"{key(one)} is a Secret, and what stands in files is none.",
                remedy="Seal it (docs/runbooks/rotate-secrets.md), or make it in the cluster by hand.",
            )
    return found


def missing(found: Sequence[Manifest]) -> list[str]:
    """What the operator would refuse, and what a person has still to fill in, a sentence each."""
    return [*kuberay_rules.problems(found), *kuberay_rules.placeholders(found)]


def require_complete(found: Sequence[Manifest]) -> None:
    """Raises `ConfigurationError` where anything is missing."""
    if wrong := missing(found):
        more = f" And {len(wrong) - 1} more." if len(wrong) > 1 else ""
        raise ConfigurationError(
            f"This is not deployed: {wrong[0]}{more}", remedy="`vapora deploy plan` names them all."
        )


def generation(found: Sequence[Manifest]) -> int | None:
    """The highest `VAPORA_GENERATION` that a process in these objects is given; None where none is."""
    return max((int(value["value"]) for one in found for value in _generations(one)), default=None)


def with_generation(one: Manifest, number: int) -> Manifest:
    """The same object, whose processes are given this generation."""
    changed = copy.deepcopy(one)
    for value in _generations(changed):
        value["value"] = str(number)
    return changed


def _generations(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("name") == _GENERATION and str(value.get("value", "")).isdigit():
            yield value
        for below in value.values():
            yield from _generations(below)
    elif isinstance(value, list):
        for below in value:
            yield from _generations(below)
