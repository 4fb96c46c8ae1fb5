"""compose.yaml and its override: what compose's own schema takes, and what VAPORA and its neighbours need."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import check_jsonschema
import jsonschema
import pytest
import yaml

from tests.deploy.schemas import ROOT

SCHEMA = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/compose-spec.json"
_LOST = re.compile(r"\$(?![{$])")


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return load("compose.yaml")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.override.yaml"])
def test_it_is_what_compose_takes(name: str) -> None:
    schema = json.loads(SCHEMA.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [one.message for one in validator.iter_errors(load(name))] == []
    broken = load(name)
    broken["services"]["vapora"]["read-only"] = True
    assert list(validator.iter_errors(broken))


def test_one_command_starts_database_queue_and_redis(compose: dict[str, Any]) -> None:
    always = {name for name, one in compose["services"].items() if not one.get("profiles")}
    assert always == {"keys", "vapora", "postgres", "nats", "redis"}
    assert compose["services"]["vapora"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    for name in ("postgres", "nats", "redis"):
        made = compose["services"][name]["depends_on"]["keys"]
        assert made == {"condition": "service_completed_successfully"}
        assert compose["services"][name]["healthcheck"]["test"][0] == "CMD"


def test_every_container_may_do_as_little_as_it_can(compose: dict[str, Any]) -> None:
    for name, one in compose["services"].items():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        # Who makes the secrets gives each file to the one that reads it; it runs once, before all else.
        assert (one["user"] == "0:0") == (name == "keys")
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", []))


def test_everything_that_is_named_is_there(compose: dict[str, Any]) -> None:
    services, volumes = compose["services"], compose["volumes"]
    for one in services.values():
        assert set(one["depends_on"]) <= set(services)
        for volume in one["volumes"]:
            source = volume.split(":")[0]
            # Dashboards are made, and may be none yet.
            assert source in volumes or (ROOT / source).exists() or source == "./kuberay/dashboards", source


def test_dollars_that_the_shell_is_to_see_are_not_read_by_compose(compose: dict[str, Any]) -> None:
    for one in compose["services"].values():
        for words in (one.get("entrypoint", []), one.get("healthcheck", {}).get("test", [])):
            assert not any(_LOST.search(word.replace("$$", "")) for word in words)


def test_a_secret_is_made_for_every_file_that_is_read(compose: dict[str, Any]) -> None:
    planned = {one["file"]: one for one in json.loads((ROOT / "kuberay/rendered/compose/keys.json").read_text())}
    for one in compose["services"].values():
        read = re.findall(r"/run/secrets/[a-z/_]+", json.dumps([one.get("environment"), one.get("entrypoint")]))
        for file in read:
            assert file in planned
            assert one["user"] == f"{planned[file]['owner']}:{planned[file]['owner']}"


def test_the_override_watches_the_sources() -> None:
    vapora = load("compose.override.yaml")["services"]["vapora"]
    assert vapora["build"]["target"] == "development"
    assert ".:/src" in vapora["volumes"]
    assert vapora["group_add"] == ["10001"], "the secrets are for this group"
