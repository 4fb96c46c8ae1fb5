"""The workflows that ship, and what definitions may name here."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from vapora.catalog.manifests import roles, roles_for, task_types
from vapora.domain.workflow.check import Fault, Known, check, parse_text, refused
from vapora.domain.workflow.definition import stored
from vapora.errors import CatalogError

_NOT_IN_IDS = re.compile(r"[^a-z0-9]+")


@cache
def known() -> Known:
    """Roles and task types of this installation."""
    return Known(tuple(roles()), tuple(task_types()), lambda role, task_type: role in roles_for(task_type))


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """Definitions by id, in the order of their names. `CatalogError` for one that has a fault."""
    found: dict[str, dict[str, Any]] = {}
    for one in sorted(files("vapora.catalog").joinpath("workflows").iterdir(), key=lambda one: one.name):
        if not one.name.endswith(".toml"):
            continue
        data = parse_text(one.read_text("utf-8"))
        definition, faults = (None, (data,)) if isinstance(data, Fault) else check(data, known())
        if definition is None:
            raise CatalogError(f"{one.name}: {refused(faults).message}")
        found[one.name.removesuffix(".toml")] = stored(definition)
    return found


def workflow_id_for(name: str) -> str:
    """A readable id for a new workflow of this name."""
    return _NOT_IN_IDS.sub("-", name.lower()).strip("-")[:60] or "workflow"
