"""Secrets are made once, each as its plan says, and never made again."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from vapora.deploy import keys

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "kuberay/rendered/compose/keys.json"


def test_every_secret_of_compose_is_made_once_and_stays(tmp_path: Path) -> None:
    assert keys.main([str(PLAN), "--into", str(tmp_path)]) == 0
    planned = json.loads(PLAN.read_text())
    made = {one["file"]: tmp_path / one["file"].lstrip("/") for one in planned}
    first = {name: place.read_text() for name, place in made.items()}
    assert len(set(first.values())) == len(first) - 1, "all differ, but for NATS' password, which two services read"
    assert all(place.stat().st_mode & 0o777 == 0o440 for place in made.values())

    password = first["/run/secrets/postgres/password"]
    assert first["/run/secrets/vapora/database_url"] == f"postgresql://vapora:{password}@postgres:5432/vapora"
    key = load_pem_private_key(first["/run/secrets/vapora/audit_key"].encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    assert len(base64.b64decode(first["/run/secrets/vapora/vault_key"])) == 32

    made["/run/secrets/redis/password"].unlink()
    assert keys.main([str(PLAN), "--into", str(tmp_path)]) == 0
    second = {name: place.read_text() for name, place in made.items()}
    assert {name for name in made if first[name] != second[name]} == {"/run/secrets/redis/password"}


def test_a_text_of_a_value_that_nothing_makes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "plan.json"
    one = {"secret": "a", "key": "url", "file": "/a/url", "owner": 1, "made": "text", "bytes": 24, "text": "{b/c}"}
    plan.write_text(json.dumps([one]))
    assert keys.main([str(plan), "--into", str(tmp_path)]) == 2
    assert "a/url is made of b/c, which nothing makes" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
