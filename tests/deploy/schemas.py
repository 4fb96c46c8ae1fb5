"""Whether an object is what Kubernetes and the operators take: the closed schemas of the custom kinds, which lie beside
the project, and those of Kubernetes itself by `kubernetes_validate`."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT.parent / "shared/k8s-schemas"
KUBERNETES = "1.37"


@functools.cache
def _custom(kind: str) -> jsonschema.protocols.Validator | None:
    file = SCHEMAS / f"{kind}.json"
    if not file.is_file():
        return None
    schema = json.loads(file.read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def errors(thing: dict[str, Any]) -> list[str]:
    """What is wrong with an object, a sentence each: where, and what."""
    api, kind = thing["apiVersion"], thing["kind"]
    validator = _custom(f"{api.replace('/', '_')}_{kind}")
    if validator is not None:
        return [f"{kind} {one.json_path}: {one.message}" for one in validator.iter_errors(thing)]
    try:
        kubernetes_validate.validate(thing, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{kind} {'.'.join(map(str, error.path))}: {error.message}"]
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{kind} of {api}: no schema is known."]
    return []
