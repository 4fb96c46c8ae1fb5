"""The role catalogue: who can work on a card, how each role works, and what the demo hands in."""

from vapora.catalog.backlog import load_backlog
from vapora.catalog.inference import infer_task_type
from vapora.catalog.manifests import (
    ROLE_IDS,
    Artifact,
    ArtifactKind,
    Group,
    RoleManifest,
    RunStep,
    load_roles,
    role,
    role_defaults,
    roles,
    roles_for,
    task_types,
)

__all__ = [
    "ROLE_IDS",
    "Artifact",
    "ArtifactKind",
    "Group",
    "RoleManifest",
    "RunStep",
    "infer_task_type",
    "load_backlog",
    "load_roles",
    "role",
    "role_defaults",
    "roles",
    "roles_for",
    "task_types",
]
