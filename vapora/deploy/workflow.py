"""Workflows: what stands in `kuberay/workflows/`, and which objects each of their steps takes. Pure but for `load`."""

from __future__ import annotations

import graphlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from vapora.deploy import kcl
from vapora.errors import ConfigurationError

Manifest = dict[str, Any]
WORKFLOWS = Path("kuberay/workflows")
# Folders' own modules: what a workflow is, and what several of them share.
_SHARED = frozenset({"workflow", "common"})


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Select(_Given):
    kind: str
    names: tuple[str, ...] = ()

    def takes(self, one: Manifest) -> bool:
        return one["kind"] == self.kind and (not self.names or one["metadata"]["name"] in self.names)


class Check(_Given):
    """What has to be true: the text at `path` is `equals`, or the number there is at least that at `reaches`."""

    kind: str
    name: str = ""
    path: str
    equals: str | None = None
    reaches: str | None = None


class Job(_Given):
    cron: str


class Step(_Given):
    name: str
    says: str
    needs: tuple[str, ...] = ()
    apply: tuple[Select, ...] = ()
    rest: bool = False
    job: Job | None = None
    person: str | None = None
    checks: tuple[Check, ...] = ()
    within_s: float = 300
    undo: Literal["before", "keep"] = "before"


class Workflow(_Given):
    name: str
    says: str
    options: tuple[str, ...] = ()
    steps: tuple[Step, ...]

    def in_order(self) -> list[Step]:
        """Each step behind those that it needs; otherwise as they are written. Raises `ConfigurationError` for a
        ring."""
        place = {step.name: number for number, step in enumerate(self.steps)}
        sorter = graphlib.TopologicalSorter({step.name: step.needs for step in self.steps})
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            raise ConfigurationError(
                f"In the workflow {self.name} steps wait for each other: {' → '.join(error.args[1])}."
            ) from error
        ordered: list[Step] = []
        ready: list[str] = []
        while sorter.is_active():
            ready = sorted({*ready, *sorter.get_ready()}, key=place.__getitem__)
            name = ready.pop(0)
            ordered.append(self.steps[place[name]])
            sorter.done(name)
        return ordered


def names(project: Path) -> list[str]:
    """The workflows that there are."""
    return sorted(one.stem for one in (project / WORKFLOWS).glob("*.k") if one.stem not in _SHARED)


def load(project: Path, name: str) -> Workflow:
    """Raises `ConfigurationError` where there is none of that name, or it breaks a rule: with file and line."""
    if name not in names(project):
        raise ConfigurationError(
            f"There is no workflow {name}: there are {', '.join(names(project)) or 'none'}.",
            remedy=f"Run it where {WORKFLOWS} is, or name the folder with --project.",
        )
    workflow = Workflow.model_validate(kcl.run([project / WORKFLOWS / f"{name}.k"], project / "kuberay")["workflow"])
    workflow.in_order()
    return workflow


def divide(workflow: Workflow, objects: Sequence[Manifest]) -> dict[str, list[Manifest]]:
    """Which objects each step applies, in its order.

    Raises `ConfigurationError` where two steps would apply the same object.
    """
    found: dict[str, list[Manifest]] = {step.name: [] for step in workflow.steps}
    taken: dict[str, str] = {}
    for step in workflow.steps:
        for select in step.apply:
            for one in filter(select.takes, objects):
                if (before := taken.setdefault(key(one), step.name)) != step.name:
                    raise ConfigurationError(
                        f"{key(one)} is applied by two steps of {workflow.name}: {before}, {step.name}."
                    )
                found[step.name].append(one)
    for step in workflow.steps:
        if step.rest:
            found[step.name] += [one for one in objects if key(one) not in taken]
    return found


def key(one: Manifest) -> str:
    """How an object is called: `RayService/vapora`, with its namespace in front where it has one."""
    namespace = one["metadata"].get("namespace")
    return f"{namespace + '/' if namespace else ''}{one['kind']}/{one['metadata']['name']}"
