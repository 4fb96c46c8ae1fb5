"""What Ray keeps on a disk, so that its head may be replaced, and what it writes into its logs: no secret of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.composition import BUILDER
from tests.ports import free_port
from tests.postgres import PASSWORD
from tests.startup.launched import Launched
from tests.waiting import wait_for
from vapora.commands import CreateProject
from vapora.sdk import Client
from vapora.testing import FakeVendors

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

VAULT_KEY = "cGxhbnRlZC12YXVsdC1rZXktdGhhdC1pcy1sb25nISE="
PLANTED = {
    "provider": "sk-planted-provider-key",
    "owner": "planted-owner-password",
    "nats": "planted-nats-token",
    "other": "planted-openid-secret",
}


def mounted(folder: Path, text: str) -> str:
    folder.write_text(f"{text}\n")
    folder.chmod(0o400)
    return str(folder)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Where Ray's control store keeps what it must not lose."""
    return tmp_path / "kept"


@pytest.fixture
def up(tmp_path: Path, kept: Path, database_url: str) -> Iterator[Launched]:
    with FakeVendors() as vendors:
        environ = {
            # Some as values and some as files: the one way must be as tight as the other.
            **vendors.environ(),
            "ANTHROPIC_API_KEY": "",
            "ANTHROPIC_API_KEY_FILE": mounted(tmp_path / "provider", PLANTED["provider"]),
            "VAPORA_DATABASE_URL_FILE": mounted(tmp_path / "database", database_url),
            "VAPORA_VAULT_KEY": VAULT_KEY,
            "VAPORA_OWNER_EMAIL": "ada@example.com",
            "VAPORA_OWNER_PASSWORD": PLANTED["owner"],
            "VAPORA_NATS_URL": "nats://127.0.0.1:1",
            "VAPORA_NATS_TOKEN": PLANTED["nats"],
            "VAPORA_OPENID_CLIENT_SECRET": PLANTED["other"],
            "VAPORA_MODEL": "auto",
            "VAPORA_PLACEMENT": "packed",
            "RAY_gcs_storage": "rocksdb",
            "RAY_gcs_storage_path": str(kept),
        }
        launched = Launched(tmp_path / "data", "--port", str(free_port()), **environ)
        try:
            yield launched
        finally:
            launched.kill()


def holding(text: str, *folders: Path) -> list[Path]:
    wanted = text.encode()
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in files if wanted in path.read_bytes()]


def test_no_file_of_ray_holds_a_secret_that_its_actors_use(up: Launched, kept: Path, database_url: str) -> None:
    told = up.addresses()
    session = up.data / "ray"
    with Client(told["api"].removesuffix("/api/v1")) as client:
        client.log_in("ada@example.com", PLANTED["owner"])
        assert client.health().model == "real"
        project = client.create_project(CreateProject(name="Planted")).id
        task = client.submit_task({"project_id": project, "title": "Use the key", "review": "none"}).task_id
        wait_for("the task is done", lambda: client.task(task).state == "done")

    # The search would find one: what an actor is made of does stand there.
    assert holding(BUILDER, kept)
    assert holding("", session)
    for secret in (*PLANTED.values(), PASSWORD, database_url, VAULT_KEY):
        assert holding(secret, kept, session) == [], secret
