"""Golden files: one example of each event as it is stored, a digest of its shape, and the members of its closed sets.

    python -m tests.golden.make             writes what is missing, and touches nothing else
    python -m tests.golden.make --members   takes over the members that closed sets have won
    python -m tests.golden.make --force     writes all of today's versions anew

Of each older version there is also, in the folder `upcast/`, what it reads as today: an upcast that changes its mind
about the past shows there. Such a file is written anew when the topic's version rises.

A released file is for ever. When a shape changes, raise `VERSION`, write the `upcast`, and run without `--force`:
the old file stays and shows that the upcast works. `--force` is for shapes that no log out there holds yet, and for
changes under which all that is stored still reads the same (a looser bound).

A closed set (an enumeration, a `Literal`) may grow under the same `VERSION`: an older VAPORA reads the events that have
the new member as `Unknown`, so whoever needs their topic stops there. Where it would be wrong to go on with the others
either, raise `VERSION`. That it was meant is said with `--members`. A member is never taken away.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from events.base import DomainEvent, event_class
from tests.golden.examples import AT, EXAMPLES
from vapora.log import mapper
from vapora.records import Encoded, StoredRecord

FOLDER = Path(__file__).parent


def path_of(topic: str, version: int, folder: Path = FOLDER) -> Path:
    return folder / f"{topic}.v{version}.json"


def upcast_path(topic: str, version: int, folder: Path = FOLDER) -> Path:
    return folder / "upcast" / f"{topic}.v{version}.json"


def opened(golden: dict[str, Any]) -> DomainEvent:
    """The stored event as today's classes read it."""
    encoded = Encoded(golden["topic"], golden["version"], json.dumps(golden["data"]).encode())
    envelope = mapper.envelope(
        at=mapper.instant(AT), workspace="w", actor="a", correlation="c", causation=None, request_id="r"
    )
    return mapper.open_record(StoredRecord(1, "s", 1, encoded.topic, mapper.seal(encoded, envelope))).event


def reads_as(golden: dict[str, Any]) -> dict[str, Any]:
    """What an older version says in today's shape."""
    event = opened(golden)
    return {"version": event.VERSION, "data": json.loads(mapper.encode(event).data)}


def shape(kind: type[DomainEvent]) -> str:
    """SHA-256 of the JSON schema that stored events keep, without texts for people, defaults and members.

    Defaults are stored with each event, so a new default leaves the past as it was. A closed set counts as any text:
    `members` holds it.
    """
    schema = kind.model_json_schema(mode="serialization")
    bare = _bare(schema, {name for name, one in schema.get("$defs", {}).items() if _closed(one)})
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def members(kind: type[DomainEvent]) -> dict[str, list[str]]:
    """Of each closed set in the event, by the place where it stands (`candidates.provider`)."""
    schema = kind.model_json_schema(mode="serialization")
    found: dict[str, list[str]] = {}
    _find(schema, schema.get("$defs", {}), "", found)
    return dict(sorted(found.items()))


def golden(event: DomainEvent) -> dict[str, Any]:
    encoded = mapper.encode(event)
    return {
        "topic": encoded.topic,
        "version": encoded.topic_version,
        "shape": shape(type(event)),
        "members": members(type(event)),
        "data": json.loads(encoded.data),
    }


def main(arguments: list[str], folder: Path = FOLDER, say: Callable[[str], None] = print) -> int:
    if arguments not in ([], ["--members"], ["--force"]):
        say(__doc__ or "")
        return 2
    force = arguments == ["--force"]
    for event in EXAMPLES:
        path = path_of(event.TOPIC, event.VERSION, folder)
        today = golden(event)
        if path.exists() and not force:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if arguments != ["--members"] or kept["shape"] != today["shape"]:
                continue
            today = {**kept, "members": today["members"]}
        text = json.dumps(today, indent=2, ensure_ascii=False) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            say(f"wrote {path.name}")
    for path in sorted(folder.glob("*.json")):
        _write_upcast(path, folder, force, say)
    return 0


def _write_upcast(path: Path, folder: Path, force: bool, say: Callable[[str], None]) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    kind = event_class(golden.get("topic", ""))
    if kind is None or golden["version"] >= kind.VERSION:
        return
    target = upcast_path(golden["topic"], golden["version"], folder)
    if target.exists() and not force and json.loads(target.read_text(encoding="utf-8"))["version"] == kind.VERSION:
        return
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(reads_as(golden), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"wrote upcast/{target.name}")


def _closed(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "string" and bool(schema.keys() & {"enum", "const"})


def _bare(schema: Any, closed: Collection[str]) -> Any:
    """`closed`: the definitions that are closed sets."""
    if isinstance(schema, list):
        return [_bare(item, closed) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if _closed(schema) or _referred(schema) in closed:
        return {"type": "string"}
    # A *field* named title has a schema, not a string, under that key.
    texts = {key for key in ("title", "description") if isinstance(schema.get(key), str)}
    return {key: _bare(value, closed) for key, value in schema.items() if key not in texts | {"default"} | {*closed}}


def _find(schema: Any, definitions: dict[str, Any], place: str, found: dict[str, list[str]]) -> None:
    if _closed(schema):
        found[place] = sorted(schema.get("enum", [schema.get("const")]))
    elif isinstance(schema, list):
        for item in schema:
            _find(item, definitions, place, found)
    elif isinstance(schema, dict):
        if name := _referred(schema):
            _find(definitions[name], definitions, place, found)
        for key, value in schema.items():
            if key == "properties":
                for field, one in value.items():
                    _find(one, definitions, f"{place}.{field}".lstrip("."), found)
            elif key != "$defs":
                _find(value, definitions, place, found)


def _referred(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).removeprefix("#/$defs/")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
