"""What a package's configuration may say, as a JSON Schema that a form is made from."""

from __future__ import annotations

from typing import Any

from vapora.commands.packages import ConfigurePackage
from vapora.marketplace.manifest import PackageManifest, settings_of
from vapora.mcp.schemas import shown_schema


def config_schema(manifest: PackageManifest) -> dict[str, Any]:
    """Of type object. `default` of a property: what holds where nothing is said, by the package's manifest; a setting
    of `secrets` holds names of secrets, never values (`format`: `secret-name`)."""
    whole = shown_schema(ConfigurePackage.model_json_schema()) or {}
    properties: dict[str, Any] = whole["properties"]  # type: ignore[assignment]
    said = {} if manifest.agent is None else manifest.agent.model_dump(mode="json", exclude_none=True)
    found = {name: _plain(properties[name], said.get(name)) for name in settings_of(manifest)}
    return {"type": "object", "properties": found, "additionalProperties": False}


def _plain(schema: Any, said: Any = None) -> dict[str, Any]:
    """Without the null that stands for "left out", and without what an empty value says."""
    one: dict[str, Any] = dict(next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema))
    one.pop("title", None)
    one.pop("default", None)
    if said not in (None, [], {}):
        one["default"] = said
    if isinstance(one.get("properties"), dict):
        one["properties"] = {name: _plain(each) for name, each in one["properties"].items()}
        if "secrets" in one["properties"]:
            secrets = one["properties"]["secrets"]
            secrets["additionalProperties"] = secrets["additionalProperties"] | {"format": "secret-name"}
    return one
