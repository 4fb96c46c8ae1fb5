"""Golden files: one example of each event as it is stored, with a digest of its shape.

    python -m tests.golden.make           writes what is missing, and touches nothing else
    python -m tests.golden.make --force   writes all of today's versions anew

A released file is for ever. When a shape changes, raise `VERSION`, write the `upcast`, and run without `--force`:
the old file stays and shows that the upcast works. `--force` is for shapes that no log out there holds yet, and for
changes under which all that is stored still reads the same (a wider enum, a looser bound).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from events.base import DomainEvent
from tests.golden.examples import EXAMPLES
from vapora.log import mapper

FOLDER = Path(__file__).parent


def path_of(topic: str, version: int, folder: Path = FOLDER) -> Path:
    return folder / f"{topic}.v{version}.json"


def shape(kind: type[DomainEvent]) -> str:
    """SHA-256 of the JSON schema that stored events keep, without texts for people and without defaults.

    Defaults are stored with each event, so a new default leaves the past as it was.
    """
    schema = _bare(kind.model_json_schema(mode="serialization"))
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()


def golden(event: DomainEvent) -> dict[str, Any]:
    encoded = mapper.encode(event)
    return {
        "topic": encoded.topic,
        "version": encoded.topic_version,
        "shape": shape(type(event)),
        "data": json.loads(encoded.data),
    }


def main(arguments: list[str], folder: Path = FOLDER, say: Callable[[str], None] = print) -> int:
    force = arguments == ["--force"]
    if arguments and not force:
        say(__doc__ or "")
        return 2
    for event in EXAMPLES:
        path = path_of(event.TOPIC, event.VERSION, folder)
        text = json.dumps(golden(event), indent=2, ensure_ascii=False) + "\n"
        if path.exists() and (not force or path.read_text(encoding="utf-8") == text):
            continue
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path.name}")
    return 0


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A *field* named title has a schema, not a string, under that key.
    texts = {key for key in ("title", "description") if isinstance(schema.get(key), str)}
    return {key: _bare(value) for key, value in schema.items() if key not in texts | {"default"}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
